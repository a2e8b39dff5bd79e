"""Image generations: who makes the pictures, how they are kept in order, recorded, replayed and compared."""
