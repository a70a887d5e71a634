"""The countries: flag, capital, continent, demonym and official language.

Facts are countryinfo's, with the corrections written out below. Taken are members of the
United Nations with more than half a million people and a flag in both drawing styles, the
most populous first. A fact that is disputed, ambiguous or trivial is left out (None), so no
question asks for it. Not here: the split.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mlan.data.assets import locate
from mlan.data.emoji import drawn_twice
from mlan.errors import DataError

CONTINENTS = ("Africa", "Asia", "Europe", "North America", "South America", "Oceania")
_LEAST_PEOPLE = 500_000
_DROPPED = {
    # Not members of the United Nations.
    *("Hong Kong", "Kosovo", "Macau", "Palestine", "Puerto Rico", "Réunion", "Taiwan"),
    *("Western Sahara", "Serbia and Montenegro"),
    # Their flags are those of Romania and the Netherlands at this size.
    *("Chad", "Luxembourg"),
}
_NAMES = {
    "Cape Verde": "Cabo Verde",
    "Republic of Macedonia": "North Macedonia",
    "Swaziland": "Eswatini",
    "The Gambia": "Gambia",
}
# None: disputed (Israel, Equatorial Guinea) or the country's own name (Singapore, Djibouti).
_CAPITALS: dict[str, str | None] = {
    "Burundi": "Gitega",
    "Djibouti": None,
    "Equatorial Guinea": None,
    "Israel": None,
    "Kazakhstan": "Astana",
    "Singapore": None,
    "Swaziland": "Mbabane",
    "United States": "Washington",
}
_DEMONYMS: dict[str, str | None] = {
    "Bosnia and Herzegovina": "Bosnian",
    "Cape Verde": "Cabo Verdean",
    "Comoros": "Comorian",
    "Djibouti": "Djiboutian",
    "Ecuador": "Ecuadorian",
    "Kyrgyzstan": "Kyrgyz",
    "Saudi Arabia": "Saudi",
    "Suriname": "Surinamese",
    "Tajikistan": "Tajik",
    "Trinidad and Tobago": "Trinidadian",
}
_SOUTH_AMERICA = {
    *("Argentina", "Bolivia", "Brazil", "Chile", "Colombia", "Ecuador", "Guyana", "Paraguay"),
    *("Peru", "Suriname", "Uruguay", "Venezuela"),
}
_LANGUAGES = {
    "am": "Amharic",
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "cnr": "Montenegrin",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "dz": "Dzongkha",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fr": "French",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ka": "Georgian",
    "km": "Khmer",
    "ko": "Korean",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "mk": "Macedonian",
    "mn": "Mongolian",
    "ms": "Malay",
    "my": "Burmese",
    "ne": "Nepali",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "rs": "Serbian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovene",
    "sq": "Albanian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
# Several languages are listed, but one alone is official for the whole state.
_ONE_LANGUAGE = {
    "Argentina": "Spanish",
    "Armenia": "Armenian",
    "Azerbaijan": "Azerbaijani",
    "Czech Republic": "Czech",
    "Lebanon": "Arabic",
    "Malaysia": "Malay",
    "Norway": "Norwegian",
    "Tajikistan": "Tajik",
    "Turkmenistan": "Turkmen",
    "Uzbekistan": "Uzbek",
}
# One language is listed, but the state has several official ones, none, or has changed them.
_NO_SINGLE_LANGUAGE = {
    *("East Timor", "Ethiopia", "Mali", "Mauritius", "Niger", "Papua New Guinea"),
    *("Philippines", "Solomon Islands"),
}
# Counted to Europe as often as to Asia.
_NO_SINGLE_CONTINENT = {"Armenia", "Azerbaijan", "Cyprus", "Georgia"}


@dataclass(frozen=True)
class Country:
    """One country; None where a fact is disputed, ambiguous or trivial."""

    name: str
    emoji: str
    population: int
    continent: str | None
    capital: str | None
    demonym: str | None
    language: str | None


def countries(limit: int) -> list[Country]:
    """Return the `limit` most populous countries.

    Raises DataError when fewer exist.
    """
    files = sorted(locate("country-facts").glob("*.json"))
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    found = [_country(record) for record in records if _taken(record)]
    found.sort(key=lambda country: (-country.population, country.name))
    if len(found) < limit:
        raise DataError(
            f"data.concepts.countries = {limit}: {len(found)} countries exist; "
            f"ask for at most {len(found)}"
        )
    return found[:limit]


def article(name: str) -> str:
    """Return a country's name as it stands within a sentence: `the Netherlands`, `France`."""
    plural = name in ("Netherlands", "Philippines", "Comoros", "Solomon Islands", "Gambia")
    return f"the {name}" if plural or "United" in name or "Republic" in name else name


def _taken(record: dict[str, Any]) -> bool:
    """Whether a countryinfo record is one of the countries."""
    complete = record.get("population") and record.get("region") and _alpha2(record)
    if not complete or record["name"] in _DROPPED or record["population"] < _LEAST_PEOPLE:
        return False
    return drawn_twice(_flag(record))


def _country(record: dict[str, Any]) -> Country:
    name = record["name"]
    return Country(
        name=_NAMES.get(name, name),
        emoji=_flag(record),
        population=record["population"],
        continent=_continent(record),
        capital=_CAPITALS.get(name, record.get("capital") or None),
        demonym=_DEMONYMS.get(name, record.get("demonym") or None),
        language=_language(record),
    )


def _alpha2(record: dict[str, Any]) -> str:
    return str((record.get("ISO") or {}).get("alpha2") or "")


def _flag(record: dict[str, Any]) -> str:
    """Return the flag's code points: one regional indicator per letter of the country code."""
    return "-".join(f"{0x1F1E6 + ord(letter) - ord('A'):X}" for letter in _alpha2(record).upper())


def _continent(record: dict[str, Any]) -> str | None:
    if record["name"] in _NO_SINGLE_CONTINENT:
        return None
    region = str(record["region"])
    if region == "Americas":
        return "South America" if record["name"] in _SOUTH_AMERICA else "North America"
    return region


def _language(record: dict[str, Any]) -> str | None:
    name, codes = record["name"], record.get("languages") or []
    if name in _ONE_LANGUAGE:
        return _ONE_LANGUAGE[name]
    if name in _NO_SINGLE_LANGUAGE or len(codes) != 1:
        return None
    return _LANGUAGES[codes[0]]
