"""Programs written against other recorders go on as they are: their names, their files, our recording.

One module for each such recorder, and none knows another. Each is a thin skin: what two of them need lies
below, and their names stay in here.
"""
