"""The colours of the diagram: Okabe and Ito's, which colour-blind readers can tell apart.

Each colour goes with a shape, a line style or a word, so none of them carries meaning alone.
"""

INK = "#1f2328"
MUTED = "#6e7781"
LINE = "#afb8c1"
FAINT = "#c9ced6"
PAPER = "#ffffff"
PANEL = "#f3f5f8"
BLUE = "#0072b2"  # sources
SKY = "#e3f1fa"
GREEN = "#00795a"  # targets
MINT = "#e2f5ee"
RED = "#d55e00"  # cuts
BLUSH = "#fdeee4"
AMBER = "#b87a00"  # plain Python
PURPLE = "#a23b7d"  # NaN and Inf
SAND = "#fdf6e3"

DARK = {
    INK: "#e6edf3",
    MUTED: "#9aa4af",
    LINE: "#57606a",
    FAINT: "#3d444d",
    PAPER: "#0f1318",
    PANEL: "#1c2128",
    BLUE: "#56b4e9",
    SKY: "#10283a",
    GREEN: "#2fc39a",
    MINT: "#0e2c24",
    RED: "#ff8c42",
    BLUSH: "#3a1f0d",
    AMBER: "#e6a020",
    PURPLE: "#ee9acb",
    SAND: "#2e2510",
}
