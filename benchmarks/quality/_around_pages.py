"""Twenty short pages whose answer stands in the footer or in a comment, among others that say nothing of it.

Written before anything was measured on them, and nothing was tuned on them since.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PAGES", "AroundPage"]


class AroundPage(NamedTuple):
    """A page with a question.

    Attributes:
        question: What is asked.
        answer: Text that has to be left.
        title: Heading of the main text.
        text: Paragraphs of the main text.
        comments: Comments below it.
        footer: Paragraphs of the footer.
    """

    question: str
    answer: str
    title: str
    text: tuple[str, ...]
    comments: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()

    def html(self) -> str:
        parts = ["<body><nav><a href=/>Home</a> <a href=/news>News</a> <a href=/about>About us</a></nav>"]
        parts.append(f"<main><h1>{self.title}</h1>{''.join(f'<p>{text}</p>' for text in self.text)}</main>")
        parts.extend(f"<div class=comment><p>{text}</p></div>" for text in self.comments)
        parts.append(
            f"<footer>{''.join(f'<p>{text}</p>' for text in self.footer)}<p>Privacy. Terms of use.</p></footer>"
        )
        return "".join(parts) + "</body>"


_FOOTERS = (
    AroundPage("What is the address of the Lindenhof bakery?", "Mill Lane 14", "Lindenhof Bakery", (
        "The bakery makes bread with rye from farms of the region, and the dough rests for a whole day.",
        "On Saturdays there are plum cakes, which are often sold out before noon.",
        "The owners took the bakery over from their parents and kept the stone oven.",
    ), footer=("Mill Lane 14, Bern",)),
    AroundPage("Which phone number does the dentist have?", "0664 778 12", "Dr. Hauser, dentist", (
        "We treat children and adults, and we take time for people who are afraid of the dentist.",
        "Please bring your insurance card and come ten minutes before the first appointment.",
        "The practice was renewed last year and can be reached without steps.",
    ), footer=("Call 0664 778 12",)),
    AroundPage("How can I send an e-mail to the choir?", "sing@nordchor.example", "Nordchor", (
        "The choir has forty singers and sings music of five centuries without instruments.",
        "We practise every Wednesday in the school hall, and new voices are welcome, above all tenors.",
        "In spring the choir travels to Norway for three concerts.",
    ), footer=("sing@nordchor.example",)),
    AroundPage("When is the bicycle shop open?", "9 to 18", "Bicycle shop Kette", (
        "The shop repairs bicycles of all makes, mostly within two days.",
        "Used bicycles are checked and sold with a guarantee of a year.",
        "In winter we store your bicycle in a dry cellar for a small price.",
    ), footer=("Mon-Fri 9 to 18",)),
    AroundPage("Who is responsible for the content of the hiking page?", "Petra Novak", "Hikes around the lake", (
        "The path along the shore takes four hours and is easy for children.",
        "A steeper path leads over the ridge, where chamois can be seen in the morning.",
        "Water can be had at the hut, but in dry summers the spring may fail.",
    ), footer=("Editor: Petra Novak",)),
    AroundPage("Under which licence is the text of the encyclopedia?", "CC BY-SA 4.0", "Sandstone", (
        "Sandstone is a rock of grains of sand that are held together by a cement of minerals.",
        "It is easily worked and was used for churches and bridges in many countries.",
        "Its colour depends on the iron that it holds, and ranges from grey to deep red.",
    ), footer=("CC BY-SA 4.0",)),
    AroundPage("When was the page about the ferry last changed?", "3 May 2024", "The ferry", (
        "The ferry carries cars and people across the fjord every thirty minutes.",
        "In strong wind it does not sail, and a bus takes the long road.",
        "Tickets are sold on board, and children under six travel free.",
    ), footer=("Updated 3 May 2024",)),
    AroundPage("What is the bank account for donations to the animal shelter?", "AT61 1904", "Animal shelter", (
        "The shelter looks after sixty dogs and a hundred cats that have no home.",
        "Visitors may walk with the dogs on Sundays, if they have come to a short course.",
        "Most animals find a family within three months.",
    ), footer=("IBAN AT61 1904 3002",)),
    AroundPage("Who is the publisher of the magazine?", "Seeverlag", "Pale gardens", (
        "White flowers make a small garden look larger, above all in the evening.",
        "The magazine visited five gardens and asked what grows well in the shade.",
        "Ferns and hostas need little care, but slugs are fond of them.",
    ), footer=("Seeverlag, Bregenz",)),
    AroundPage("What is the tax number of the furniture company?", "U4711", "Chairs of ash", (
        "Our company makes chairs of ash and oak, each of them by one person.",
        "The wood dries for three years before it is cut.",
        "A chair can be sent back within a month, and the company pays the transport.",
    ), footer=("VAT U4711",)),
)  # fmt: skip
_COMMENTS = (
    AroundPage("How can the error 0x51 of the printer be solved?", "Remove the duplex tray", "Printer P30", (
        "The printer P30 prints thirty pages a minute and scans on both sides.",
        "Errors are shown on its display with a number, and the manual lists the most frequent of them.",
        "The driver for the printer is part of all larger systems.",
    ), ("I have the same error, very annoying.", "Remove the duplex tray for a minute, then it is gone.")),
    AroundPage("Can the butter in the cake be replaced?", "Coconut oil", "Lemon cake", (
        "Stir butter and sugar until they are pale, then add the eggs one by one.",
        "Fold in the flour and the lemon peel, and bake the cake for fifty minutes.",
        "The cake stays fresh for four days if it is kept in a tin.",
    ), ("My children love this cake!", "Coconut oil does as well, I took 150 grams.")),
    AroundPage("Did anyone get the game to run on Linux?", "Proton 8", "Castle of Fog", (
        "In this game you lead a family of builders through three hundred years.",
        "It runs on Windows and on two consoles, and needs 16 GB of memory.",
        "The second part of the game is announced for the autumn.",
    ), ("Great game, bad ending.", "Works here with Proton 8, sound included.")),
    AroundPage("Is the trail passable with a pram?", "too narrow", "Gorge trail", (
        "The trail follows the brook through the gorge, past two waterfalls.",
        "It was closed for three years after a rockfall and is now open again.",
        "The trail starts at the car park, and takes an hour and a half.",
    ), ("We saw a salamander.", "Buggies: no, the second bridge is too narrow.")),
    AroundPage("Why does the app lose its connection after the update?", "battery saver", "App 7.2 is here", (
        "The update of the app brings a dark design and a new start page.",
        "The connection to watches is faster, and maps can be stored.",
        "All who have the app get the update within a week.",
    ), ("I do not like the new design.", "Switch the battery saver off for it, that helped me.")),
    AroundPage("How long does the paint take to dry in winter?", "two days", "Painting a fence", (
        "Brush the old paint off and wash the fence before you start.",
        "The paint is dry after six hours in summer, and a second coat makes it last.",
        "Choose a day without rain or strong sun.",
    ), ("Nice article, thank you.", "Below 8 degrees mine needed two days.")),
    AroundPage("Which teacher played the piano at the school concert?", "Mrs. Adler", "Concert of our school", (
        "Two hundred guests came to the concert of our school in the town hall.",
        "The youngest children sang, and the big band played three pieces of its own.",
        "The money from the concert goes to a new piano for the school.",
    ), ("What a fine evening!", "Mrs. Adler at the keys was the best of all.")),
    AroundPage("Does the tent withstand heavy rain?", "leaked", "Tent Fjell 2 tested", (
        "The tent weighs 1.9 kilograms and is put up in four minutes.",
        "Two people have enough room, and rain runs off well, says its maker.",
        "For its price the tent is among the best of this year.",
    ), ("Bought it, love the colour.", "Storm in Iceland: the seams leaked on the second night.")),
    AroundPage("Is there a mistake in the solution of exercise 4?", "minus sign", "Solutions, sheet 3", (
        "Exercise 4 asks for the derivative of a product; its solution uses the product rule twice.",
        "Exercise 5 can be solved by substitution.",
        "Solutions have to be handed in by Friday.",
    ), ("Thanks for the sheet.", "In 4 there is a minus sign missing in line two.")),
    AroundPage("Where can visitors of the market park?", "behind the mill", "Christmas market", (
        "The market has fifty stalls with crafts and food, and a merry-go-round for small visitors.",
        "It is open on all four weekends of Advent from noon.",
        "A choir sings on the market square every Sunday.",
    ), ("See you there!", "We left our car behind the mill, it was free.")),
)  # fmt: skip
PAGES = _FOOTERS + _COMMENTS
