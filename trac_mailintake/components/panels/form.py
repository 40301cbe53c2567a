"""Forms for parameters: a field with help for each. Input is kept if it was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trac.web.chrome import add_warning

from trac_mailintake.intake.settings import Kind, SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from trac.web.api import Request

    from trac_mailintake.intake.settings import Parameter

UNSET: Final = "(not set)"
_BLANK_MEANS_DEFAULT: Final = frozenset({Kind.INTEGER, Kind.SIZE, Kind.CHOICE})
_CONTROLS: Final = {Kind.BOOLEAN: "checkbox", Kind.CHOICE: "select"}
_NARROW: Final = frozenset({Kind.INTEGER, Kind.SIZE})
_EXAMPLES: Final = {
    Kind.ADDRESS: "An e-mail address",
    Kind.ADDRESSES: "E-mail addresses, separated by commas",
    Kind.WORDS: "Separated by commas",
    Kind.USER: "A username",
    Kind.EXPRESSION: "A regular expression",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a form. `control` is `text`, `password`, `checkbox` or `select`; `choices` are values with labels."""

    name: str
    label: str
    control: str = "text"
    value: str = ""
    help: str = ""
    error: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    size: int = 40


class Errors(dict[str, str]):
    """What is wrong with a form, by the name of the field."""

    def add(self, error: SettingError) -> None:
        """Record an error for its field. The first error of a field stays."""
        self.setdefault(error.name, allowed(error))

    def tell_the_rest(self, req: Request, shown: Collection[str]) -> None:
        """Add a warning for errors of settings that have no field among those `shown`."""
        for name, sentence in self.items():
            if name not in shown:
                add_warning(req, f"{name}: {sentence}")


def allowed(error: SettingError) -> str:
    """The error's text without the field's name, for a place that shows the name."""
    if error.value in ("", None):
        return f"Missing. Allowed: {error.allowed}."
    return f"{error.value}: not allowed. Allowed: {error.allowed}."


def typed(req: Request, parameters: Iterable[Parameter]) -> dict[str, str]:
    """The input of the fields of `parameters`. A blank field means the default, if the parameter allows that."""
    found = {}
    for parameter in parameters:
        text = str(req.args.getfirst(parameter.name, "")).strip()
        if parameter.kind is Kind.BOOLEAN:
            text = "true" if text else "false"
        elif not text and parameter.kind in _BLANK_MEANS_DEFAULT:
            text = parameter.write(parameter.default)
        found[parameter.name] = text
    return found


def check_each(parameters: Iterable[Parameter], found: Mapping[str, str]) -> Errors:
    """All errors, each field checked by itself."""
    errors = Errors()
    for parameter in parameters:
        text = found.get(parameter.name, "")
        if text or parameter.kind not in _BLANK_MEANS_DEFAULT:
            try:
                parameter.read(text)
            except SettingError as error:
                errors.add(error)
    return errors


def changed(parameters: Iterable[Parameter], found: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The input that differs from the stored value or the default: defaults are not stored."""
    defaults = {parameter.name: parameter.write(parameter.default) for parameter in parameters}
    return {name: text for name, text in found.items() if text != before.get(name, defaults.get(name, ""))}


def fields(
    parameters: Iterable[Parameter],
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    labels: Mapping[str, str] | None = None,
    options: Mapping[str, Sequence[str]] | None = None,
) -> list[Field]:
    """A field for each parameter, with its value in `values` or its default.

    `options` are the possible values of a parameter, besides none, by its name.
    """
    made = []
    for each in parameters:
        value = values.get(each.name, each.write(each.default))
        choices = _choices(each, value, (options or {}).get(each.name))
        control = "select" if choices else _CONTROLS.get(each.kind, "text")
        label = (labels or {}).get(each.name, each.name)
        size = 12 if each.kind in _NARROW else 40
        made.append(Field(each.name, label, control, value, _help(each), errors.get(each.name, ""), choices, size))
    return made


def _choices(parameter: Parameter, value: str, options: Sequence[str] | None) -> tuple[tuple[str, str], ...]:
    if parameter.kind is Kind.CHOICE:
        unset = (("", UNSET),) if parameter.default is None else ()
        return (*unset, *((choice, choice) for choice in parameter.choices))
    if options is None:
        return ()
    wrong = ((value, value),) if value and value not in options else ()
    return (("", UNSET), *((option, option) for option in options), *wrong)


def _help(parameter: Parameter) -> str:
    """The parameter's help, and the accepted input if the help does not say it."""
    example = _EXAMPLES.get(parameter.kind, "")
    sentences = [parameter.help.rstrip("."), example] if example else [parameter.help.rstrip(".")]
    return ". ".join(filter(None, sentences)) + "."
