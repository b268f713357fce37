"""Files that strangers wrote, read without trust; and the one way in which this project writes a file.

Everything here raises `FileError`, whose title says what is wrong; who asked adds which file it is.
"""
