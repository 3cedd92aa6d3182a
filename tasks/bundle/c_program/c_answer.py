"""How C makes the inputs of a model from a row, and an answer from its sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tasks.bundle.c_program.c_rows import CRows
from tasks.bundle.c_program.c_values import c_array, c_number
from tasks.inference.schema import ModelSchema

PARTS = ("year", "month", "day_of_year", "weekday", "hour")
MICROSECONDS = 1e6
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of a contract are wall clock


def inputs_code(schema: ModelSchema, plan: Mapping[str, Any], rows: CRows) -> str:
    """Return the functions `inputs_of` and `preprocess`."""
    makes = [(name, f"{rows.cell(name)}.number") for name in (*schema.numbers, *schema.booleans)]
    for number, (name, table) in enumerate(schema.categories.items()):
        makes.append((name, f"coded(place_of(&{rows.cell(name)}, {rows.texts(f'category_{number}', table)}))"))
    for part in schema.dates:
        moment = f"{rows.cell(part.column)}.number"
        if part.kind != "days":
            rows.needs.add("parts")
        makes.append((part.column, _days(moment, part.origin) if part.kind == "days" else _part(moment, part.kind)))
    if schema.time is not None:
        days, held = _days(f"{rows.cell(schema.event_time)}.number", schema.time.origin), schema.time.held_at_days
        makes.append((schema.event_time, f"smaller({days}, {c_number(held)})"))
    lines = "".join(
        f"    inputs[{place}] = {rows.cell(name)}.present ? {value} : NAN;\n"
        for place, (name, value) in enumerate(makes)
    )
    helpers = ""
    if schema.categories:
        helpers += "static double coded(int code)\n{\n    return code < 0 ? (double)NAN : (double)code;\n}\n\n"
    if schema.time is not None:
        helpers += "static double smaller(double a, double b)\n{\n    return a < b ? a : b;\n}\n\n"
    return (
        f"{helpers}static void inputs_of(const struct cell *cells, double *inputs)\n{{\n{lines}}}\n\n"
        f"static void preprocess(const double *inputs, double *columns)\n{{\n{_steps(plan['inputs']['steps'])}}}\n"
    )


def _days(moment: str, origin: str) -> str:
    since = (datetime.fromisoformat(origin) - EPOCH).total_seconds() * MICROSECONDS
    return f"({moment} - {c_number(since)}) / 86400000000.0"


def _part(moment: str, kind: str) -> str:
    return f"part_of({moment}, {kind.upper()})"


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    if not steps:
        return "    memcpy(columns, inputs, sizeof(double) * COLUMNS);\n"
    lines, place = [], 0
    for step in steps:
        value = f"inputs[{step['input']}]"
        if step["kind"] == "missing":
            columns = [f"{value} != {value}"]
        else:
            filled = value if step["fill"] is None else f"({value} != {value} ? {c_number(step['fill'])} : {value})"
            columns = _number_step(filled, step) if step["kind"] == "number" else _one_hot(filled, step)
        for column in columns:
            lines.append(f"    columns[{place}] = {column};\n")
            place += 1
    return "".join(lines)


def _number_step(filled: str, step: Mapping[str, Any]) -> list[str]:
    return [f"({filled} - {c_number(step['shift'])}) / {c_number(step['scale'])}"]


def _one_hot(filled: str, step: Mapping[str, Any]) -> list[str]:
    return [f"{filled} != {filled}" if code is None else f"{filled} == {c_number(code)}" for code in step["values"]]


def finish_code(answer: Mapping[str, Any], degree: str, rows: CRows) -> str:
    """Return the function `finish`."""
    body = {"regression": _regression, "binary": _binary, "multiclass": _multiclass}[answer["task"]](answer, rows)
    later = {"assist": "1", "partial": "answer->unsure", "full": "0"}[degree]
    hides = "    if (answer->unsure)\n        answer->prediction = NAN;\n" if degree == "partial" else ""
    return (
        "static enum leeway_status finish(const double *inputs, struct leeway_answer *answer)\n{\n"
        f"    const double *sums = answer->sums;\n    (void)inputs;\n{body}"
        f"    answer->deferred = {later} || !isfinite(answer->prediction);\n{hides}"
        "    return answer->deferred ? LEEWAY_DEFERRED : LEEWAY_ANSWERED;\n}\n"
    )


def _score(answer: Mapping[str, Any], rows: CRows) -> str:
    if answer["probability"]:
        rows.needs |= {"odds", "log_odds"}
    raw = "log_odds(sums[0])" if answer["probability"] else "exp(sums[0])" if answer["exponential"] else "sums[0]"
    score = f"{raw} + {c_number(answer['offset'])}"
    if answer["calibration"]:
        return _calibrated(score, answer["calibration"][0], 0, rows)
    if answer["link"] == "logistic":
        rows.needs.add("logistic")
    return {"exp": f"exp({score})", "logistic": f"logistic({score})"}.get(answer["link"], score)


def _calibrated(score: str, table: Mapping[str, Any], number: int, rows: CRows) -> str:
    if table["kind"] == "sigmoid":
        rows.needs.add("logistic")
        return f"logistic({c_number(table['slope'])} * ({score}) + {c_number(table['intercept'])})"
    rows.needs |= {"isotonic", "below"}
    x, y = f"calibration_{number}_score", f"calibration_{number}_probability"
    rows.tables += [c_array("double", x, table["scores"]), c_array("double", y, table["probabilities"])]
    return f"interpolated({score}, {x}, {y}, {len(table['scores'])})"


def _regression(answer: Mapping[str, Any], rows: CRows) -> str:
    sure, lines = answer["sure"], f"    answer->prediction = {_score(answer, rows)};\n"
    if sure is None:
        return lines
    rows.needs.add("below")
    count = len(sure["edges"])
    rows.tables += [c_array("double", "sure_edge", sure["edges"]), c_array("double", "sure_error", sure["errors"])]
    lines += f"    uint32_t cell = sums[0] != sums[0] ? {count} : below(sure_edge, {count}, sums[0], 1);\n"
    for number, (column, edges) in enumerate(sure["inputs"]):
        rows.tables.append(c_array("double", f"sure_edge_{number}", edges))
        value, size = f"inputs[{column}]", len(edges)
        lines += (
            f"    cell = cell * {size + 2} + ({value} != {value} ? {size + 1} : "
            f"below(sure_edge_{number}, {size}, {value}, 1));\n"
        )
    return lines + (
        "    answer->confidence = 0.0 - sure_error[cell];\n"
        f"    answer->unsure = !(answer->confidence >= {c_number(sure['threshold'])});\n"
    )


def _binary(answer: Mapping[str, Any], rows: CRows) -> str:
    lines = (
        f"    answer->prediction = {_score(answer, rows)};\n"
        f"    answer->decision = sums[0] >= {c_number(answer['decide_from'])};\n"
        "    answer->confidence = answer->decision ? answer->prediction : 1 - answer->prediction;\n"
    )
    if answer["sure"] is None:
        return lines
    above, below = c_number(answer["sure"]["above"]), c_number(answer["sure"]["below"])
    return lines + f"    answer->unsure = !(sums[0] >= {above} || sums[0] < {below});\n"


def _multiclass(answer: Mapping[str, Any], rows: CRows) -> str:
    offset, many = answer["offset"], len(answer["classes"])
    rows.tables.append(c_array("double", "level", offset if isinstance(offset, list) else [offset] * many))
    if answer["probability"]:
        rows.needs.add("odds")
    raw = "log(clip(sums[k]))" if answer["probability"] else "sums[k]"
    lines = (
        "    double scores[OUTPUTS], *shares = answer->probabilities, most = -INFINITY, total = 0.0;\n"
        "    for (int k = 0; k < OUTPUTS; k++) {\n"
        f"        scores[k] = {raw} + level[k];\n"
        "        if (scores[k] > most)\n            most = scores[k];\n    }\n"
        "    for (int k = 0; k < OUTPUTS; k++)\n        total += shares[k] = exp(scores[k] - most);\n"
        "    for (int k = 0; k < OUTPUTS; k++)\n        shares[k] /= total;\n"
    )
    if answer["calibration"]:
        rows.needs |= {"odds", "log_odds"}
        for number, table in enumerate(answer["calibration"]):
            lines += f"    shares[{number}] = {_calibrated(f'log_odds(shares[{number}])', table, number, rows)};\n"
        lines += (
            "    total = 0.0;\n    for (int k = 0; k < OUTPUTS; k++)\n        total += shares[k];\n"
            "    for (int k = 0; k < OUTPUTS; k++)\n        scores[k] = shares[k] = total > 0 ? shares[k] / total : "
            "1.0 / OUTPUTS;\n"
        )
    lines += (
        "    for (int k = 1; k < OUTPUTS; k++)\n        if (scores[k] > scores[answer->decision])\n"
        "            answer->decision = k;\n    for (int k = 0; k < OUTPUTS; k++)\n"
        "        if (shares[k] > answer->confidence)\n            answer->confidence = shares[k];\n"
        "    answer->prediction = answer->decision;\n"
    )
    if answer["sure"] is None:
        return lines
    return lines + f"    answer->unsure = !(answer->confidence >= {c_number(answer['sure']['threshold'])});\n"
