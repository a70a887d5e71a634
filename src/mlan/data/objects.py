"""The objects: things with an emoji in both drawing styles, sorted into everyday categories.

The list is written out, name by name, so that every name is what the picture shows and no
object is an instance of another one (no `bird` beside `owl`, no `shoe` beside `boot`). The
emoji's own name stands after `=` where it differs. Order within a category is the order in
which a study with few objects takes them. Not here: countries, words, the split.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mlan.data.assets import locate
from mlan.data.emoji import drawn_twice
from mlan.errors import DataError

_LISTS: dict[str, str] = {
    "mammal": """cat, dog, horse, cow, pig, elephant, sheep, tiger, rabbit, mouse, monkey,
        lion=lion face, kangaroo, camel=dromedary camel, deer, zebra=zebra face, goat,
        panda=panda face, polar bear, gorilla, giraffe=giraffe face, hedgehog, koala, leopard,
        wolf=wolf face, fox=fox face, rhinoceros, bat, raccoon, badger, chipmunk, sloth,
        skunk, beaver, otter, llama, orangutan, mammoth""",
    "bird": "penguin, owl, duck, eagle, parrot, swan, flamingo, peacock, rooster, dove, dodo",
    "insect": "bee=honeybee, butterfly, ant, mosquito, fly, cockroach, ladybug=lady beetle",
    "reptile": "snake, turtle, crocodile, lizard, dinosaur=sauropod",
    "sea animal": """whale, shark, octopus, dolphin, crab, squid, lobster, shrimp,
        pufferfish=blowfish, oyster""",
    "fruit": """banana, apple=red apple, grape=grapes, lemon, pear, strawberry, pineapple,
        cherry=cherries, peach, coconut, watermelon, mango, kiwi=kiwifruit, orange=tangerine,
        blueberry=blueberries""",
    "vegetable": """carrot, onion, broccoli, potato, cucumber, garlic, corn=ear of maize,
        eggplant=aubergine, pepper=hot pepper, lettuce=leafy green""",
    "dish": """pizza=slice of pizza, hamburger, sandwich, taco, hot dog, spaghetti, sushi,
        salad=green salad, burrito, fries=french fries, pancakes, waffle, dumpling, bacon,
        curry=curry and rice""",
    "dessert": """cake=birthday cake, ice cream, cookie, doughnut, pie, lollipop,
        chocolate=chocolate bar""",
    "drink": """wine=wine glass, milk=glass of milk, beer=beer mug, coffee=hot beverage,
        cocktail=cocktail glass, tea=teacup without handle""",
    "plant": """cactus, rose, sunflower, tulip, palm tree, pine=evergreen tree, hibiscus,
        clover=four leaf clover""",
    "vehicle": """bus, bicycle, car=automobile, train=steam locomotive, airplane, tractor,
        truck=delivery truck, motorcycle, helicopter, ambulance, rocket, scooter, tram,
        rickshaw=auto rickshaw""",
    "boat": "sailboat, canoe, ferry, speedboat",
    "musical instrument": """guitar, piano=musical keyboard, trumpet, violin, saxophone,
        drum=drum with drumsticks, banjo, accordion""",
    "tool": """hammer, axe, wrench, saw=carpentry saw, screwdriver, ladder, toolbox,
        pickaxe=pick, clamp, magnet""",
    "sport": """soccer=soccer ball, basketball=basketball and hoop, baseball,
        tennis=tennis racquet and ball, football=american football, volleyball, bowling,
        golf=flag in hole, boxing=boxing glove, badminton=badminton racquet and shuttlecock""",
    "clothing": """shirt=t-shirt, dress, jeans, hat=top hat, socks, gloves, scarf, coat,
        tie=necktie, boot=womans boots, glasses=eyeglasses, shorts, sandal=womans sandal,
        kimono, swimsuit=one-piece swimsuit, crown""",
    "household item": """chair, bed, door, couch=couch and lamp, toilet, bathtub, broom, window,
        toothbrush, basket, mirror, shower, bucket, soap=bar of soap, sponge, teapot""",
    "building": "castle=european castle, church, factory, school, hospital, mosque",
}
CATEGORIES = tuple(_LISTS)
# Categories of which one object may belong to both: they are never options for each other.
OVERLAPS: tuple[frozenset[str], ...] = (
    frozenset({"fruit", "vegetable", "plant"}),
    frozenset({"dish", "dessert"}),
    frozenset({"vehicle", "boat"}),
    frozenset({"tool", "household item"}),
    frozenset({"mammal", "sea animal"}),
)
# Names that stand without `a`: sports, food and drink by mass, pairs.
_BARE = (
    "badminton baseball basketball bowling boxing football golf soccer tennis volleyball "
    "bacon beer broccoli chocolate coffee corn curry garlic lettuce milk salad spaghetti sushi "
    "tea wine fries pancakes soap glasses gloves jeans shorts socks"
)


@dataclass(frozen=True)
class Thing:
    """One object: its name, category and emoji code points (`1F418`)."""

    name: str
    category: str
    emoji: str


def objects(limit: int) -> list[Thing]:
    """Return the first `limit` objects, taken from all categories in turn.

    Raises DataError when fewer exist.
    """
    columns = [_in_category(category, _emoji_names()) for category in CATEGORIES]
    longest = max(map(len, columns))
    in_turn = [column[i] for i in range(longest) for column in columns if i < len(column)]
    if len(in_turn) < limit:
        raise DataError(
            f"data.concepts.objects = {limit}: {len(in_turn)} objects exist; "
            f"ask for at most {len(in_turn)}"
        )
    return in_turn[:limit]


def with_article(name: str) -> str:
    """Return an object's name as it stands within a sentence: `an owl`, `a tie`, `jeans`."""
    return name if name in _BARE.split() else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _in_category(category: str, codes: dict[str, str]) -> list[Thing]:
    things = []
    for entry in _LISTS[category].split(","):
        name, _, emoji_name = " ".join(entry.split()).partition("=")
        things.append(Thing(name, category, codes[(emoji_name or name).upper()]))
    return [thing for thing in things if drawn_twice(thing.emoji)]


def _emoji_names() -> dict[str, str]:
    table: list[dict[str, Any]] = json.loads(locate("emoji-names").read_text(encoding="utf-8"))
    return {entry["name"]: entry["unified"] for entry in table if entry["name"]}
