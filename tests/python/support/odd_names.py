"""Names of categories that are hard on whoever looks for them or shows them."""

NAMES = [
    "sports car",
    "racer",
    "crane",
    "crane",
    "timber wolf",
    "wolf spider",
    "",
    "[bold]x",
    "<script>",
    "Grüße",
    "7",
    "a'\"b",
]
