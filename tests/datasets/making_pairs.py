"""Small parallel text for tests."""

from pathlib import Path

NOUNS = {"Hund": "dog", "Mann": "man", "Baum": "tree", "Vogel": "bird", "Tisch": "table", "Apfel": "apple"}
VERBS = {"sieht": "sees", "malt": "paints", "sucht": "seeks"}
PAIRS = [
    (f"Der {one} {verb} einen {other}, schön!", f"The {NOUNS[one]} {VERBS[verb]} a {NOUNS[other]}, nice!")
    for one in NOUNS
    for verb in VERBS
    for other in NOUNS
]  # 108 of them
SPLITS = {"train": PAIRS[:80], "valid": PAIRS[80:95], "test": PAIRS[95:]}


def contents(splits=None, ends="\n"):
    """Return the bytes of the six files by name."""
    return {
        f"{stem}.{language}": "".join(pair[side] + ends for pair in pairs).encode()
        for stem, pairs in (splits or SPLITS).items()
        for side, language in enumerate(("de", "en"))
    }


def write(folder: Path, files=None):
    """Put the files into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (contents() if files is None else files).items():
        (folder / name).write_bytes(data)
    return folder
