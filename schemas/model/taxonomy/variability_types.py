"""Variability types as VSX and the GCVS put them together: ``EA|EB``, ``SR+EA``, ``RRAB/BL``, ``M:``.

The signs are those of the designations (Watson, Henden and Price 2006, SASS 25, 47;
https://vsx.aavso.org/index.php?view=about.vartypes): a pipe is "or", a plus "and", a slash goes before a
subtype, a colon says that it is uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from schemas.model.verdict import OTHER

CLASS_SEPARATOR = "|"


def meaning_of_type(text: str, meanings: Mapping[str, str], subtypes: Set[str]) -> str | None:
    """Return the classes that a type stands for, joined by ``|`` in alphabetical order.

    Of "or" all are possible. Of "and" any is right, since the star shows both. What is uncertain, what is
    put together of a class and of something else, and what has a part that is not comparable, is not
    comparable either. Letters may be of either case: catalogues have ``RRab`` as well as ``RRAB``.

    Parameters
    ----------
    meanings : mapping of str to str
        Of the simple types: classes joined by ``|``, or '' where they leave the class open.
    subtypes : set of str
        What may follow a slash without changing the class.

    Returns
    -------
    str or None
        Empty where it is not comparable; None where a part is no type.
    """
    by_case = {name.casefold(): meaning for name, meaning in meanings.items()}
    whole = by_case.get(text.strip().casefold())
    if whole is not None:
        return whole
    uncertain = ":" in text
    parts = [part.strip(" :") for part in text.replace("+", CLASS_SEPARATOR).split(CLASS_SEPARATOR)]
    found = [_simple(part, by_case, {each.casefold() for each in subtypes}) for part in parts]
    if None in found:
        return None
    classes = {name for meaning in found if meaning is not None for name in meaning.split(CLASS_SEPARATOR)}
    if uncertain or "" in classes or (OTHER in classes and len(classes) > 1):
        return ""
    return CLASS_SEPARATOR.join(sorted(classes))


def _simple(part: str, by_case: Mapping[str, str], subtypes: Set[str]) -> str | None:
    """Return the meaning of one type with its subtypes, None where it is none."""
    folded = part.casefold()
    if folded in by_case:
        return by_case[folded]
    kind, *further = (each.strip(" :") for each in folded.split("/"))
    return by_case.get(kind) if further and set(further) <= subtypes else None
