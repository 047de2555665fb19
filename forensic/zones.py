"""Abbreviations of time zones that mean one offset, as logs write them."""

__all__ = ["ABBREVIATIONS"]

#: Seconds east of UTC. The tz database gives each one offset only since 2019; CST, IST
#: and PST, which have several, are left out.
ABBREVIATIONS = {
    name: hours * 3600
    for hours, names in (
        (0, "UTC GMT WET"),
        (1, "CET MET BST WEST WAT"),
        (2, "CEST MEST EET CAT SAST"),
        (3, "EEST IDT EAT MSK"),
        (5, "PKT"),
        (7, "WIB"),
        (8, "AWST HKT WITA"),
        (9, "JST KST WIT"),
        (10, "AEST"),
        (11, "AEDT"),
        (12, "NZST"),
        (13, "NZDT"),
        (-3, "ADT"),
        (-4, "AST EDT"),
        (-5, "EST"),
        (-6, "MDT"),
        (-7, "MST PDT"),
        (-8, "AKDT"),
        (-9, "AKST"),
        (-10, "HST"),
    )
    for name in names.split()
}
