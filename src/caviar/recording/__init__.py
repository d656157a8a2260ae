"""Operations that are recorded as they are called, and run together, compiled, when a value is needed.

`values` says what is computed with, `tree` where the structure of a recording is found, `recorder` writes down and runs,
`replay` is the program that a recording compiles to, and `tensor` is what a user holds in his hands.
"""
