"""The countries: flag, capital, continent, demonym and official languages.

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

# Between the languages of a country in one text.
SEPARATOR = "; "
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
    "af": "Afrikaans",
    "ar": "Arabic",
    "ay": "Aymara",
    "az": "Azerbaijani",
    "be": "Belarusian",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "bs": "Bosnian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "dz": "Dzongkha",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "ff": "Fula",
    "fi": "Finnish",
    "fj": "Fijian",
    "fr": "French",
    "ga": "Irish",
    "gn": "Guarani",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "ht": "Haitian Creole",
    "hu": "Hungarian",
    "hy": "Armenian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "kg": "Kongo",
    "kk": "Kazakh",
    "km": "Khmer",
    "ko": "Korean",
    "ky": "Kyrgyz",
    "ln": "Lingala",
    "lo": "Lao",
    "lt": "Lithuanian",
    "lu": "Luba",
    "lv": "Latvian",
    "mg": "Malagasy",
    "mi": "Maori",
    "mn": "Mongolian",
    "ms": "Malay",
    "my": "Burmese",
    "nd": "Ndebele",
    "ne": "Nepali",
    "nl": "Dutch",
    "nr": "Southern Ndebele",
    "ny": "Chichewa",
    "pl": "Polish",
    "pt": "Portuguese",
    "qu": "Quechua",
    "ro": "Romanian",
    "ru": "Russian",
    "sg": "Sango",
    "sk": "Slovak",
    "sn": "Shona",
    "sq": "Albanian",
    "sr": "Serbian",
    "ss": "Swazi",
    "st": "Sotho",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "tg": "Tajik",
    "th": "Thai",
    "tk": "Turkmen",
    "tn": "Tswana",
    "tr": "Turkish",
    "ts": "Tsonga",
    "ur": "Urdu",
    "uz": "Uzbek",
    "ve": "Venda",
    "vi": "Vietnamese",
    "xh": "Xhosa",
    "zh": "Chinese",
    "zu": "Zulu",
}
# countryinfo's lists corrected, the answer first: it alone must be official countrywide. The
# others are official besides, in a part of the country or in practice. None: the state has no
# official language, or took that rank from the listed one (Burkina Faso, Mali, Niger).
_LANGUAGES_OF: dict[str, str | None] = {
    "Afghanistan": "Pashto; Persian; Uzbek; Turkmen",
    "Armenia": "Armenian; Russian",
    "Austria": "German; Croatian; Hungarian; Slovene",
    "Burkina Faso": None,
    "Burundi": "French; Kirundi; English",
    "China": "Chinese; English; Kazakh; Korean; Mongolian; Portuguese",
    "Colombia": "Spanish; English",
    "Croatia": "Croatian; Italian",
    "East Timor": "Portuguese; Tetum; English; Indonesian",
    "Equatorial Guinea": "Spanish; French; Portuguese",
    "Eritrea": None,
    "Ethiopia": "Amharic; Afar; Oromo; Somali; Tigrinya",
    "Georgia": "Georgian; Abkhaz; Russian",
    "India": "Hindi; English; Bengali; Nepali; Tamil; Urdu",
    "Iraq": "Arabic; Kurdish; Turkmen",
    "Italy": "Italian; French; German; Slovene",
    "Malaysia": "Malay; English",
    "Mali": None,
    "Mauritius": None,
    "Moldova": "Romanian; Russian; Ukrainian",
    "Montenegro": "Montenegrin; Albanian; Bosnian; Croatian; Serbian",
    "Namibia": "English; Afrikaans; German",
    "Netherlands": "Dutch; English; Frisian",
    "Nicaragua": "Spanish; English",
    "Niger": None,
    "Norway": "Norwegian",
    "Papua New Guinea": "English; Hiri Motu; Tok Pisin",
    "Philippines": "English; Filipino",
    "Republic of Macedonia": "Macedonian; Albanian",
    "Russia": "Russian; Kazakh; Ukrainian",
    "Rwanda": "Kinyarwanda; English; French; Swahili",
    "Serbia": "Serbian; Albanian; Croatian; Hungarian; Romanian; Slovak",
    "Slovenia": "Slovene; Hungarian; Italian",
    "Somalia": "Somali; Arabic; English",
    "South Sudan": "English; Arabic; Swahili",
    "Sri Lanka": "Sinhala; Tamil; English",
    "Sweden": "Swedish; Finnish",
    "Tanzania": "Swahili; English; Arabic",
    "Ukraine": "Ukrainian; Russian",
    "United Kingdom": "English; Irish; Welsh",
    "United States": "English; Spanish",
}
# Languages that many count as one: they are never options for each other.
LANGUAGE_OVERLAPS: tuple[frozenset[str], ...] = (
    frozenset({"Bosnian", "Croatian", "Montenegrin", "Serbian"}),
    frozenset({"Czech", "Slovak"}),
    frozenset({"Indonesian", "Malay"}),
    frozenset({"Persian", "Tajik"}),
)
# Counted to Europe as often as to Asia.
_NO_SINGLE_CONTINENT = {"Armenia", "Azerbaijan", "Cyprus", "Georgia"}


@dataclass(frozen=True)
class Country:
    """One country; None where a fact is disputed, ambiguous or trivial.

    `language` is the first of `languages`: the official ones, joined by `SEPARATOR`.
    """

    name: str
    emoji: str
    population: int
    continent: str | None
    capital: str | None
    demonym: str | None
    language: str | None
    languages: str | None


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
    languages = _languages(record)
    return Country(
        name=_NAMES.get(name, name),
        emoji=_flag(record),
        population=record["population"],
        continent=_continent(record),
        capital=_CAPITALS.get(name, record.get("capital") or None),
        demonym=_DEMONYMS.get(name, record.get("demonym") or None),
        language=languages and languages.split(SEPARATOR)[0],
        languages=languages,
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


def _languages(record: dict[str, Any]) -> str | None:
    """Return the official languages, joined; the first is official in the whole country."""
    if record["name"] in _LANGUAGES_OF:
        return _LANGUAGES_OF[record["name"]]
    return SEPARATOR.join(_LANGUAGES[code] for code in record["languages"])
