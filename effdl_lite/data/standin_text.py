"""A synthetic stand-in for Penn Treebank: a second-order Markov text of 2,000 pseudo-words, made on the spot.

Each word belongs to a class (think of noun, verb, ...). The class of the next word depends on the classes of the last
two words, and one of them alone says little of it: so a model that remembers two words beats one that remembers one.
Within its class a word is either the favourite of the word before it, or drawn by a Zipf law, as word frequencies of a
language are. It is not English, and no perplexity on it is one on Penn Treebank.
"""

import numpy as np

VOCABULARY = 2_000  # <unk> and <eos> included
CLASSES = 10
SUCCESSOR_SHARE = 0.9  # of words whose class is the likely one after the last two classes; the others' is any class
FAVOURITE_SHARE = 0.6  # of words that are the favourite of the word before them; the others follow a Zipf law
ZIPF_EXPONENT = 1.3
EVEN_SHARE = 0.2  # of the Zipf law, spread evenly so that every word occurs
END_SHARE = 0.05  # of words after which a sentence ends

TOKENS = (200_000, 20_000, 20_000)
SEED = 0
RECIPE = f"effdl stand-in text, version 1, seed {SEED}"


def generate(seed: int = SEED) -> list[str]:
    """The training, validation and test text: at least 200,000, 20,000 and 20,000 tokens with the ends of lines.

    One sentence a line, words separated by spaces, the format of the real files.

    Args:
        seed: of the random numbers; the language and its three texts change with it.
    """
    language = _Language(np.random.default_rng([seed, 0]))
    return [language.text(tokens, np.random.default_rng([seed, 1 + part])) for part, tokens in enumerate(TOKENS)]


class _Language:
    """The tables of probabilities. Word number w belongs to class w mod 10 and has rank w div 10 in it."""

    def __init__(self, random: np.random.Generator):
        self.words = _spellings(random)
        count = len(self.words)
        # Drawn for each pair of classes on its own, so that the second class alone says little. Class 10 is the start
        # of a sentence.
        self.successor = random.integers(CLASSES, size=(CLASSES + 1, CLASSES + 1))
        self.sizes = (count - 1 - np.arange(CLASSES)) // CLASSES + 1
        ranks = np.arange(1.0, self.sizes.max() + 1) ** -ZIPF_EXPONENT
        self.zipf = np.cumsum((1 - EVEN_SHARE) * ranks / ranks.sum() + EVEN_SHARE / len(ranks))
        # The extra row is for the start of a sentence, which is no word.
        self.favourite = self._zipf_words(np.arange(CLASSES), random.random((count + 1, CLASSES)))

    def _zipf_words(self, classes: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        rank = np.minimum(np.searchsorted(self.zipf, uniform), self.sizes[classes] - 1)
        return rank * CLASSES + classes

    def text(self, tokens: int, random: np.random.Generator) -> str:
        """At least `tokens` tokens. All sentences grow at once, a word a step, which is what makes this fast."""
        start = len(self.words)
        # A few more sentences than will be needed, as their lengths are random.
        sentences = int(tokens * END_SHARE * 1.1)
        previous = np.full(sentences, start)
        before, last = np.full(sentences, CLASSES), np.full(sentences, CLASSES)
        alive = np.arange(sentences)
        columns = []
        while alive.size:
            size = alive.size
            likely, anything = self.successor[before, last], random.integers(CLASSES, size=size)
            classes = np.where(random.random(size) < SUCCESSOR_SHARE, likely, anything)
            drawn = self._zipf_words(classes, random.random(size))
            word = np.where(random.random(size) < FAVOURITE_SHARE, self.favourite[previous, classes], drawn)
            column = np.full(sentences, -1)
            column[alive] = word
            columns.append(column)
            stays = random.random(size) >= END_SHARE
            alive, previous, before, last = alive[stays], word[stays], last[stays], classes[stays]
        lines, written = [], 0
        for row in np.stack(columns, axis=1):
            if written >= tokens:
                break
            row = row[row >= 0]
            lines.append(" ".join(self.words[number] for number in row))
            written += len(row) + 1
        return "\n".join(lines) + "\n"


def _spellings(random: np.random.Generator) -> list[str]:
    """1,999 words by number: ``<unk>``, then one-syllable and two-syllable words, the short ones frequent."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    pairs = [first + second for first in syllables for second in syllables]
    chosen = [str(word) for word in random.permutation(syllables)] + [str(word) for word in random.permutation(pairs)]
    return ["<unk>", *chosen[: VOCABULARY - 2]]
