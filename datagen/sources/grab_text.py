"""Sentences for GRAB: from the intent and the object that its file names say.

`s1/cup_drink_1.npz` holds a cup and the intent to drink; `airplane_lift.npz` has no number, and
some end in `_Retake`.
"""

import re

from datagen.sources.bvh import text_from_name

# The 51 objects as a sentence names them. They are printed models, each of its thing's size.
OBJECTS = {
    "airplane": "a toy airplane",
    "alarmclock": "an alarm clock",
    "apple": "an apple",
    "banana": "a banana",
    "binoculars": "a pair of binoculars",
    "bowl": "a bowl",
    "camera": "a camera",
    "cup": "a cup",
    "doorknob": "a doorknob",
    "duck": "a toy duck",
    "elephant": "a toy elephant",
    "eyeglasses": "a pair of glasses",
    "flashlight": "a flashlight",
    "flute": "a flute",
    "fryingpan": "a frying pan",
    "gamecontroller": "a game controller",
    "hammer": "a hammer",
    "hand": "a model of a hand",
    "headphones": "a pair of headphones",
    "knife": "a knife",
    "lightbulb": "a light bulb",
    "mouse": "a computer mouse",
    "mug": "a mug",
    "phone": "a phone",
    "piggybank": "a piggy bank",
    "scissors": "a pair of scissors",
    "stamp": "a stamp",
    "stanfordbunny": "a toy bunny",
    "stapler": "a stapler",
    "teapot": "a teapot",
    "toothbrush": "a toothbrush",
    "toothpaste": "a tube of toothpaste",
    "train": "a toy train",
    "watch": "a watch",
    "waterbottle": "a water bottle",
    "wineglass": "a wine glass",
} | {
    f"{solid}{size}": f"a {size} {solid}"
    for solid in ("cube", "cylinder", "pyramid", "sphere", "torus")
    for size in ("large", "medium", "small")
}

INTENTS = {
    "browse": "looks through the pictures on {it}",
    "brush": "brushes their teeth with {it}",
    "call": "makes a call with {it}",
    "chop": "chops something with {it}",
    "clean": "cleans {it}",
    "cook": "cooks with {it}",
    "drink": "drinks from {it}",
    "eat": "eats {it}",
    "fly": "flies {it}",
    "inspect": "inspects {it}",
    "lift": "lifts {it}",
    "offhand": "passes {it} from one hand to the other",
    "on": "switches on {it}",
    "open": "opens {it}",
    "pass": "passes {it} to someone",
    "peel": "peels {it}",
    "play": "plays with {it}",
    "pour": "pours from {it}",
    "screw": "screws in {it}",
    "see": "looks at {it}",
    "set": "sets {it}",
    "shake": "shakes {it}",
    "squeeze": "squeezes {it}",
    "stamp": "stamps something with {it}",
    "staple": "staples something with {it}",
    "takepicture": "takes a picture with {it}",
    "talk": "talks on {it}",
    "toast": "raises a toast with {it}",
    "use": "uses {it}",
    "wear": "puts on {it}",
}
# Where the object changes the verb.
OF_OBJECT = {
    ("binoculars", "see"): "looks through {it}",
    ("doorknob", "use"): "turns {it}",
    ("flute", "play"): "plays {it}",
    ("hammer", "use"): "hammers with {it}",
    ("headphones", "use"): "puts on {it}",
    ("knife", "peel"): "peels something with {it}",
    ("piggybank", "use"): "puts a coin into {it}",
    ("scissors", "use"): "cuts with {it}",
}
NAME = re.compile(r"(?P<thing>[a-z]+)_(?P<intent>[a-z]+)(_\d+)?(_Retake)?", re.IGNORECASE)


def describe(stem: str) -> tuple[str, str]:
    """Return sentence and intent for a clip's file name without its suffix.

    A name that is not GRAB's gives its words, as other sources do, and no intent.
    """
    name = NAME.fullmatch(stem)
    if name is None:
        return text_from_name(stem), ""
    thing, intent = name["thing"].lower(), name["intent"].lower()
    says = OF_OBJECT.get((thing, intent), INTENTS.get(intent))
    if says is None or thing not in OBJECTS:
        return text_from_name(stem), intent
    return f"a person {says.format(it=OBJECTS[thing])}", intent
