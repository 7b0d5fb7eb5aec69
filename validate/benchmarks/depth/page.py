TITLE = ""
COLUMNS = ()


def row(one):
    return ()


def write(a, b):
    pass
