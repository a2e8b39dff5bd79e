"""A hyper-parameter study with Optuna, in which every trial is a task and every choice a decision."""
