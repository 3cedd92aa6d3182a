"""The tasks of notify: send through Apprise to addresses in environment variables, never in the spec.

No function raises: a message that cannot be sent must not undo what was done.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks import clock
from tasks.lake import Lake, append_entry
from tasks.logs import line, logger
from tasks.notify.failed_runs import Past, cause, failure_is_due, hidden, parts_of_address
from tasks.notify.messages import Message, due
from tasks.notify.sent_log import sent_entry, sent_messages
from tasks.prefect_task import leeway_task
from tasks.records import Entry
from tasks.spec import ProjectSpec, find_project, read_spec

if TYPE_CHECKING:
    from prefect import Flow
    from prefect.client.schemas.objects import FlowRun, State

__all__ = ["notify_failure", "send_notifications"]


def send_notifications(lake: Lake, spec: ProjectSpec, entry: Entry, record: Sequence[Entry], why: str = "") -> int:
    """Send the messages that an entry gives rise to; return how many recipients accepted one.

    Parameters
    ----------
    record : sequence of Entry
        The record so far, oldest first.
    why : str
        Text that follows the message's lines, such as `why_lines(...).text()`.
    """
    if not spec.notifications:
        return 0
    messages = due(entry, record, sent_messages(record), spec, why)
    return sum(_sent_and_recorded(lake, spec.project, message, entry) for message in messages)


send_notifications_task = leeway_task("notify")(send_notifications)


def notify_failure(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Notify the recipients of `failure` that a run failed or crashed: a hook for `on_failure` and `on_crashed`.

    Prefect calls it with these names. While runs keep failing it notifies once, then every `remind_days`; what was sent
    before follows from the deployment's earlier runs, since the lake may be what failed.
    """
    try:
        _notify_failure(flow.name, flow_run, state)
    except Exception as error:  # noqa: BLE001 - a hook must not add a failure to a failure
        logger().warning(line("failure_not_sent", flow=flow.name, why=type(error).__name__))


def _notify_failure(flow_name: str, flow_run: FlowRun, state: State[Any]) -> None:
    spec = read_spec(find_project(str(flow_run.parameters["project"])))
    wanted = [channel for channel in spec.notifications if "failure" in channel.on]
    if not wanted:
        return
    past, now = _past(flow_run), clock.now()
    title = f"{spec.project}: {flow_name} {'crashed' if state.is_crashed() else 'failed'}"
    body = "\n".join([cause(_error(state), os.environ), f"run {flow_run.name}", _address(flow_run)])
    for to in sorted({channel.to for channel in wanted if failure_is_due(now, past, channel.remind_days)}):
        _sent(to, title, body)


def _error(state: State[Any]) -> BaseException | None:
    """Return the error in a state; None when the process died."""
    result = getattr(state.data, "result", state.data)
    return result if isinstance(result, BaseException) else None


def _address(flow_run: FlowRun) -> str:
    from prefect.utilities.urls import url_for

    return url_for("flow-run", obj_id=flow_run.id) or ""


def _past(flow_run: FlowRun) -> Past:
    """Return the earlier failures from Prefect; none for a run without a deployment."""
    deployment = flow_run.deployment_id
    if deployment is None:
        return Past()
    from prefect import get_client
    from prefect.client.schemas.sorting import FlowRunSort as Sort

    newest_first = Sort.EXPECTED_START_TIME_DESC
    with get_client(sync_client=True) as client:
        completed = client.read_flow_runs(
            flow_run_filter=_runs(deployment, ["COMPLETED"]), sort=newest_first, limit=1, offset=0
        )
        last_completed = _moment(completed[0].expected_start_time) if completed else None
        failed = _runs(deployment, ["FAILED", "CRASHED"])
        recent = client.read_flow_runs(flow_run_filter=failed, sort=newest_first, limit=2, offset=0)
        since = _runs(deployment, ["FAILED", "CRASHED"], last_completed)
        oldest = client.read_flow_runs(flow_run_filter=since, sort=Sort.EXPECTED_START_TIME_ASC, limit=1, offset=0)
    previous = next((_moment(run.expected_start_time) for run in recent if run.id != flow_run.id), None)
    first = _moment(oldest[0].expected_start_time) if oldest else None
    recovered = last_completed is not None and previous is not None and last_completed > previous
    return Past(previous, first, recovered)


def _moment(time: datetime | None) -> datetime | None:
    """Return a time of Prefect as a standard one: pendulum's differences cannot be divided by a timedelta."""
    return None if time is None else datetime.fromtimestamp(time.timestamp(), UTC)


def _runs(deployment: UUID, kinds: list[str], after: datetime | None = None) -> Any:
    """Return the filter for a deployment's runs that ended in some kinds of state."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType

    types = [StateType(kind) for kind in kinds]
    began = filters.FlowRunFilterExpectedStartTime(after_=after) if after else None
    return filters.FlowRunFilter(
        deployment_id=filters.FlowRunFilterDeploymentId(any_=[deployment]),
        state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=types)),
        expected_start_time=began,
    )


def _sent_and_recorded(lake: Lake, project: str, message: Message, entry: Entry) -> bool:
    """Send a message, and record that it was accepted."""
    if not _sent(message.to, message.title, message.body):
        return False
    try:
        append_entry(lake, project, sent_entry(message, entry, clock.now()))
    except Exception as error:  # noqa: BLE001 - sent but not recorded: it is sent again, which does no harm
        logger().warning(line("notification_not_recorded", to=message.to, why=type(error).__name__))
    return True


def _sent(reference: str, title: str, body: str) -> bool:
    variable = reference.removeprefix("env:")
    address = os.environ.get(variable)
    if not address:
        logger().warning(line("notification_not_sent", variable=variable, why="the variable is not set"))
        return False
    try:
        why = _send(address, title, body)
    except Exception as error:  # noqa: BLE001 - whatever a channel's plugin raises, the night continues
        why = type(error).__name__
    if why:
        safe = hidden(why, {**os.environ, **parts_of_address(address)})
        logger().warning(line("notification_not_sent", variable=variable, why=safe))
    return not why


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Stop the records of a logger at its own handlers."""
    source = logging.getLogger(name)
    before, source.propagate = source.propagate, False
    try:
        yield
    finally:
        source.propagate = before


def _send(address: str, title: str, body: str) -> str:
    """Send through Apprise; return why it was not accepted, in the words of Apprise, or an empty string.

    What Apprise logs about an address it cannot read contains the address, so it is kept from the other logs.
    """
    from apprise import Apprise, LogCapture, NotifyFormat

    channels = Apprise()
    with _quiet("apprise"), LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        accepted = channels.add(address) and channels.notify(title=title, body=body, body_format=NotifyFormat.TEXT)
        words = " ".join(said.getvalue().split())
    return "" if accepted else words or "the channel did not accept it"
