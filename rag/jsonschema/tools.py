"""Tool definitions as units: whole tools, and on demand their parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.context.base import Context, Unit, shift_unit
from ctxprune.errors import InputError, UsageError
from ctxprune.utils.validation import check_flag, check_whole

from ..passages.passages import Passage
from .graph import Graph
from .json_values import Style, copy_json, write_counted_json, write_json
from .members import Members
from .rendering import render_schema
from .tool_shapes import ToolForm, ToolList, read_call, read_tool, read_tool_list
from .wording import split_name, write_omission_note

if TYPE_CHECKING:
    from .bindings import Droppable

__all__ = ["MOST_TOOLS", "ToolOptions", "Tools"]

MOST_TOOLS = 100_000  # each takes a twentieth of a millisecond and two kilobytes, however short it is

# Characters that are read of the description of a parameter, and of all of a tool: more would drown the others.
_LONGEST_DETAIL, _MOST_DETAILS = 300, 4000


@dataclass(frozen=True)
class ToolOptions:
    """What may be dropped of a kept tool. All off by default: a tool is kept unchanged or dropped.

    Attributes:
        parameters: Parameters that are not required are units; in OpenAI's strict mode those that may be null are.
        sentences: The sentences of a tool's description after the first one are units.
        values: Lists of values (`enum`) longer than that are cut to the values that are kept; None leaves them whole.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    parameters: bool = False
    sentences: bool = False
    values: int | None = None

    def __post_init__(self) -> None:
        check_flag("parameters", self.parameters)
        check_flag("sentences", self.sentences)
        check_whole("values", self.values, optional=True)


@dataclass(frozen=True)
class Tools(Context[Any]):
    """Tools, a unit each. Renders as the kept tools, in order, in the shape that came in.

    Shapes: dicts of OpenAI (with "function" or flat), Anthropic ("input_schema"), MCP ("inputSchema") and LangChain
    (also a schema with a title), LangChain's and MCP's tool objects, which are given back as they are; in a list, in
    the result of MCP's tools/list, or as a JSON text of these. A tool without a name that its provider runs is pinned.

    Attributes:
        source: The tools.
        used: What was used before, and is therefore pinned: names of tools, or calls with their arguments.
        pinned: Names of tools that are never dropped.
        options: What of a kept tool may be dropped.
        units: A tool's text is its name in words, its description and the names of its parameters.
        sources: For each unit the tool that it belongs to, from 0.
        names: For each unit its name; "" for a sentence or a value.
        details: For each tool the descriptions of its parameters, as far as its text does not have them; "" for others.
        notes: What was not understood: "TOOL: POINTER: what".

    Raises:
        InputError: A text that is no JSON or holds no tools, more than 100,000 tools, or a schema as for `JsonSchema`.
        UsageError: An argument is of the wrong kind.
    """

    kind: ClassVar[str] = "tool"
    counts_text: ClassVar[bool] = True

    source: Any
    used: Sequence[Any] = ()
    pinned: Collection[str] = ()
    options: ToolOptions = ToolOptions()
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    sources: tuple[int, ...] = field(init=False, repr=False, compare=False)
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    notes: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _list: ToolList = field(init=False, repr=False, compare=False)
    _tools: tuple[_Tool, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, given in (("used", self.used), ("pinned", self.pinned)):
            if isinstance(given, (str, dict)) or not isinstance(given, Iterable):
                raise UsageError(f"{name} is a {type(given).__name__}", hint="give a list")
        if not isinstance(self.options, ToolOptions):
            raise UsageError(f"options is a {type(self.options).__name__}", hint="give ToolOptions(...)")
        listed = read_tool_list(self.source)
        if len(listed.tools) > MOST_TOOLS:
            raise InputError(
                f"there are {len(listed.tools):,} tools, more than {MOST_TOOLS:,}", hint="give a part of them at a time"
            )
        calls = [read_call(call) for call in self.used]
        pinned = {*self.pinned, *(name for name, _ in calls)}
        tools = tuple(_Tool(read_tool(tool), self.options) for tool in listed.tools)
        units: list[Unit] = []
        for tool in tools:
            # A call that was made pins the parameters it gave, so that the conversation stays valid for the tools.
            used = tool.find_used([given for name, given in calls if name == tool.form.name])
            is_pinned = not tool.form.name or tool.form.name in pinned
            first = len(units)
            for index, unit in enumerate(tool.units):
                pinned_here = index in used or (is_pinned and not index)
                own = unit if unit.pinned == pinned_here else replace(unit, pinned=pinned_here)
                units.append(shift_unit(own, first))
        for name, value in (
            ("units", tuple(units)),
            ("sources", tuple(index for index, tool in enumerate(tools) for _ in tool.units)),
            ("names", tuple(name for tool in tools for name in tool.names)),
            ("notes", tuple(f"{tool.form.name}: {note}" for tool in tools for note in tool.notes)),
            ("_list", listed),
            ("_tools", tools),
        ):
            object.__setattr__(self, name, value)

    def render(self, kept: Collection[int]) -> Any:
        """The kept tools, in order; with the options also less of each."""
        value = self._list.put(self._render_tools(kept))
        return value if self._list.style is None else write_json(value, self._list.style)

    def to_text(self, kept: Collection[int]) -> str:
        """What `render` gives as a JSON text; this is what is counted in tokens."""
        tools = [tool if isinstance(tool, dict) else read_tool(tool).as_json() for tool in self._render_tools(kept)]
        return write_counted_json(self._list.put(tools), self._style)

    def omission_note(self, kept: Collection[int]) -> str:
        """One line on the tools that were left out, for whoever reads the others; "" if none was."""
        chosen = set(kept)
        heads = dict(zip(self.sources[::-1], range(len(self.units) - 1, -1, -1), strict=True))
        dropped = [self.names[heads[tool]] for tool in range(len(self._tools)) if heads[tool] not in chosen]
        return write_omission_note(dropped, len(dropped), len(self._tools), "tools")

    def cost_texts(self) -> tuple[str, ...]:
        """What each unit adds to the rendered tools."""
        return tuple(text for tool in self._tools for text in tool.cost_texts(self._style))

    @cached_property
    def details(self) -> tuple[str, ...]:
        """See the class; read when first asked for, since only scorers of names do."""
        others = ((tool, [""] * (len(tool.units) - 1)) for tool in self._tools)
        return tuple(text for tool, more in others for text in (tool.describe_parameters(), *more))

    @property
    def frame(self) -> str:
        """What is rendered whatever is kept: what stands around the list of tools."""
        return write_counted_json(self._list.put([]), self._style) if self._list.above else ""

    @property
    def _style(self) -> Style:
        return self._list.style or Style("")

    def _render_tools(self, kept: Collection[int]) -> list[Any]:
        chosen, first = set(kept), 0
        found = []
        for tool in self._tools:
            own = {index - first for index in range(first, first + len(tool.units)) if index in chosen}
            if 0 in own:
                found.append(tool.render(own))
            first += len(tool.units)
        return found


class _Tool:
    """One tool and its units, the first of which is the tool itself."""

    def __init__(self, form: ToolForm, options: ToolOptions) -> None:
        self.form = form
        self._passage = Passage(form.description) if options.sentences else None
        self._members: Members | None = None
        self.notes: list[str] = []
        if isinstance(form.tool, dict) and (options.parameters or options.values is not None):
            droppable: Droppable = "nullable" if form.strict else "optional"
            graph = Graph(copy_json(form.schema))
            self._members = Members(graph, droppable, values=options.values, whole=not options.parameters)
            self.notes = graph.notes
        spans = self._passage.units if self._passage is not None else ()
        first = spans[0].text if spans else form.description
        inner = self._members.units if self._members is not None else []
        self._sentences, start = max(len(spans) - 1, 0), max(len(spans), 1)
        below = [
            replace(shift_unit(unit, start), parent=0 if unit.parent is None else unit.parent + start) for unit in inner
        ]
        # A tool is called with its required parameters, so they come with it and are not pinned by themselves.
        needed = tuple(index + start for index, unit in enumerate(inner) if unit.pinned)
        head = Unit(_describe_tool(form, first, with_parameters=not inner), requires=needed)
        more = [Unit(unit.text, parent=0) for unit in spans[1:]]
        self.units = [head, *more, *(replace(unit, pinned=False) for unit in below)]
        self.names = [form.name, *("" for _ in more), *(self._members.names if self._members is not None else ())]

    def describe_parameters(self) -> str:
        """What the schema says of the parameters; with their names where these are not in the tool's own text."""
        listed = self.form.schema.get("properties")
        if not isinstance(listed, dict):
            return ""
        with_names = len(self.units) > 1 + self._sentences
        parts: list[str] = [split_name(name) for name in listed] if with_names else []
        told = [part["description"] for part in listed.values() if isinstance(part, dict) and "description" in part]
        parts += [text[:_LONGEST_DETAIL] for text in told if isinstance(text, str)]
        return ". ".join(parts)[:_MOST_DETAILS]

    def find_used(self, calls: list[Any]) -> set[int]:
        """The units of the parameters for which the arguments of calls have a value."""
        if self._members is None:
            return set()
        start = 1 + self._sentences
        return {index + start for index in self._members.find_used(call for call in calls if isinstance(call, dict))}

    def render(self, kept: set[int]) -> Any:
        """The tool with the kept units of its own."""
        if self._passage is None and self._members is None:
            return self.form.tool
        description, schema = self.form.description, self.form.schema
        start = 1 + self._sentences
        if self._passage is not None and self._sentences:
            description = self._passage.render([index for index in kept if index < start])
        if self._members is not None:
            schema = render_schema(self._members, {index - start for index in kept if index >= start})
        return self.form.with_parts(description, schema)

    def cost_texts(self, style: Style) -> list[str]:
        """What each unit adds to the JSON of the tool."""
        sentences = [unit.text for unit in self.units[1 : 1 + self._sentences]]
        form = self.form
        if self._members is None:
            whole = form.tool if self._passage is None else form.with_parts(self.units[0].text, form.schema)
            return [write_counted_json(whole if isinstance(whole, dict) else form.as_json(), style), *sentences]
        # The units of the parameters are counted by themselves, so the tool is counted without them.
        bare = form.with_parts(self.units[0].text if sentences else form.description, {"type": "object"})
        return [write_counted_json(bare, style), *sentences, *self._members.cost_texts(style)]


def _describe_tool(form: ToolForm, description: str, *, with_parameters: bool) -> str:
    listed = form.schema.get("properties") if with_parameters else None
    parameters = ", ".join(split_name(str(name)) for name in listed) if isinstance(listed, dict) else ""
    text = split_name(form.name) + (f": {description}" if description else "")
    return f"{text} ({parameters})" if parameters else text or str(form.as_json().get("type", ""))
