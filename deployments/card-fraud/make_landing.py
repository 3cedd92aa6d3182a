#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.4", "pandas>=3"]
# ///
"""Simulates the purchases of a bank's cards, with frauds, and writes them as deliveries; a seed gives the same bytes.

    uv run deployments/card-fraud/make_landing.py
    python deployments/card-fraud/make_landing.py [folder] [seed] [cards]

On Monday 2026-06-15 many cards that never bought online begin to. What a purchase costs, when it is made and how
frauds are committed stays as it was. A delivery lands on Mondays, Wednesdays and Fridays with the purchases since the
last; the first one has the history. README.md in this folder says what is in the files.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

BEGIN, DAYS = np.datetime64("2025-10-06"), 291  # the simulation: before its first day, a card has no history
DELIVERED, CHANGE = np.datetime64("2026-01-05"), np.datetime64("2026-06-15")  # Mondays, as all dates here
FIRST_DELIVERY, LAST_LABELS = np.datetime64("2026-06-08"), np.datetime64("2026-08-24")
CHANGE_DAY = int((CHANGE - BEGIN).astype(int))
GZIP = {"method": "gzip", "compresslevel": 9, "mtime": 0}  # no time of writing, so that the bytes are the same
DELIVERY_DAYS = "Mon Wed Fri"
SEED = "1"

CARDS = "1500"
REGIONS, SHOPS_OF_A_REGION, WEB_SHOPS = 10, 40, 60
PURCHASES_A_DAY = 0.24  # of a card
NEVER_ONLINE, BEGIN_ONLINE = 0.45, 0.7  # share of the cards, and of those the share that begins
STRAY_ONLINE = 0.0015  # share of the purchases of a card that never buys online
WEEKDAYS = np.array([0.9, 0.9, 0.95, 1.0, 1.2, 1.3, 0.75])
SHOP_TRADES = np.array(["grocery", "fuel", "restaurant", "clothing", "hardware"])
WEB_TRADES = np.array(["clothing", "media", "travel", "electronics", "vouchers"])
PREFERRED_BY_FRAUD = 2  # the first of the web trades that are

SKIMMED, PHISHED, STOLEN = 0.0013, 0.0075, 0.0004  # frauds begun: a purchase, an online purchase, a purchase
FRAUD_PREFERS, FRAUD_AT_NIGHT = 0.7, 0.4  # share of the frauds online
TAPPED_SHOPS, TAPPED_DAYS, TAPPED_SHARE = 20, 21, 0.16  # shops with a manipulated terminal, and how long

HABITS_FOUND, OFTEN = "2026-01-01", 0.25  # share of the purchases online from which a habit is called so

LABELLED, LABEL_DAYS, NEVER = 0.6, (7, 30), 9_999
RISK_DAYS, RISK_ROWS, RISK_USUAL = 60, 20, 1 / 120  # a terminal's risk is drawn to the usual one, as by so many rows


@dataclass(frozen=True)
class Cards:
    """What the owner of a card is like: purchases a day, usual amount, home, and the share of purchases online."""

    activity: np.ndarray
    usual: np.ndarray
    region: np.ndarray
    online_before: np.ndarray
    online_after: np.ndarray

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int) -> Cards:
        """Return cards at random; of those that never buy online, most begin on the day of the change."""
        online = np.where(rng.random(count) < NEVER_ONLINE, STRAY_ONLINE, rng.uniform(0.05, 0.5, count))
        begins = (online == STRAY_ONLINE) & (rng.random(count) < BEGIN_ONLINE)
        return cls(
            activity=rng.gamma(2, PURCHASES_A_DAY / 2, count),
            usual=np.exp(rng.normal(3.4, 0.5, count)),
            region=rng.integers(0, REGIONS, count),
            online_before=online,
            online_after=np.where(begins, rng.uniform(0.15, 0.45, count), online),
        )


def purchases(rng: np.random.Generator, cards: Cards) -> pd.DataFrame:
    """Return the honest purchases of all cards: card, day, minute, online, terminal, amount."""
    expected = cards.activity[:, None] * np.resize(WEEKDAYS, DAYS)
    count = rng.poisson(expected)
    card, day = (np.repeat(each.ravel(), count.ravel()) for each in np.indices(count.shape))
    share = np.where(day < CHANGE_DAY, cards.online_before[card], cards.online_after[card])
    online = rng.random(len(card)) < share
    terminal = np.where(online, web_shop(rng, len(card)), shop(rng, cards.region[card]))
    return pd.DataFrame(
        {
            "card": card,
            "day": day,
            "minute": by_day(rng, len(card)),
            "online": online,
            "terminal": terminal,
            "amount": cards.usual[card] * np.exp(rng.normal(0, 0.6, len(card))),
            "is_fraud": 0,
        }
    )


def by_day(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return minutes of the day at which people are awake, most of them in the afternoon."""
    return np.clip(rng.normal(14.5 * 60, 3.5 * 60, count), 0, 1439).astype(int)


def shop(rng: np.random.Generator, region: np.ndarray) -> np.ndarray:
    """Return a shop of a region for each row; the first ones have the most customers."""
    return region * SHOPS_OF_A_REGION + (rng.random(len(region)) ** 2 * SHOPS_OF_A_REGION).astype(int)


def web_shop(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return web shops, numbered after the shops; the first ones have the most customers."""
    return REGIONS * SHOPS_OF_A_REGION + (rng.random(count) ** 2 * WEB_SHOPS).astype(int)


def frauds(rng: np.random.Generator, cards: Cards, honest: pd.DataFrame) -> pd.DataFrame:
    """Return the purchases of thieves: with numbers of skimmed and phished cards online, with stolen cards in shops."""
    draw = rng.random(len(honest))
    copied = honest[draw < np.where(honest["online"], SKIMMED + PHISHED, SKIMMED)]
    copied = copied.loc[copied.index.repeat(rng.integers(1, 4, len(copied)))]
    web = rng.random(len(copied)) < FRAUD_PREFERS
    wanted = WEB_SHOPS // len(WEB_TRADES) * PREFERRED_BY_FRAUD
    risky = REGIONS * SHOPS_OF_A_REGION + wanted + rng.integers(0, WEB_SHOPS - wanted, len(copied))
    night = rng.random(len(copied)) < FRAUD_AT_NIGHT
    online = copied.assign(
        online=True,
        terminal=np.where(web, risky, web_shop(rng, len(copied))),
        minute=np.where(night, rng.integers(0, 360, len(copied)), by_day(rng, len(copied))),
        amount=cards.usual[copied["card"]] * 2.2 * np.exp(rng.normal(0, 0.5, len(copied))),
    )
    stolen = honest[rng.random(len(honest)) < STOLEN]
    stolen = stolen.loc[stolen.index.repeat(rng.integers(3, 7, len(stolen)))]
    spree = stolen.assign(
        online=False,
        day=np.minimum(stolen["day"] + rng.integers(0, 2, len(stolen)), DAYS - 1),
        minute=by_day(rng, len(stolen)),
        terminal=shop(rng, rng.integers(0, REGIONS, len(stolen))),
        amount=cards.usual[stolen["card"]] * 1.8 * np.exp(rng.normal(0, 0.5, len(stolen))),
    )
    return pd.concat([online, spree]).assign(is_fraud=1)


def tapped(rng: np.random.Generator, honest: pd.DataFrame) -> np.ndarray:
    """Return which purchases are made with a copied card at a shop with a manipulated terminal."""
    found = np.zeros(len(honest), dtype=bool)
    for first in np.linspace(0, DAYS - TAPPED_DAYS, TAPPED_SHOPS).astype(int):
        where = rng.integers(0, REGIONS) * SHOPS_OF_A_REGION + rng.integers(0, 4)
        found |= (honest["terminal"] == where) & honest["day"].between(first, first + TAPPED_DAYS - 1)
    return found & (rng.random(len(honest)) < TAPPED_SHARE)


def simulated(seed: int, count: int) -> tuple[Cards, pd.DataFrame]:
    """Return the cards and all purchases by time, with their id, their label and the day on which it arrives."""
    rng = np.random.default_rng(seed)
    cards = Cards.drawn(rng, count)
    honest = purchases(rng, cards)
    stolen = frauds(rng, cards, honest)
    honest["is_fraud"] = tapped(rng, honest).astype(int)
    rows = pd.concat([honest, stolen]).sort_values(["day", "minute", "card", "amount"], ignore_index=True)
    delay = rng.integers(LABEL_DAYS[0], LABEL_DAYS[1] + 1, len(rows))
    return cards, rows.assign(
        transaction=np.arange(len(rows)) + 1_000_000,
        amount=rows["amount"].round(2),
        known=np.where(rng.random(len(rows)) < LABELLED, rows["day"] + delay, NEVER),
    )


# --- what lands ------------------------------------------------------------------------------------------------------


def transactions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the purchases as they are delivered, without label."""
    moment = BEGIN.astype("datetime64[m]") + (rows["day"] * 1440 + rows["minute"]).to_numpy().astype("timedelta64[m]")
    return pd.DataFrame(
        {
            "transaction": rows["transaction"],
            "time": pd.Series(moment, rows.index).dt.strftime("%Y-%m-%d %H:%M"),
            "card": rows["card"].map("c{:04d}".format),
            "terminal": rows["terminal"].map(terminal_names().__getitem__),
            "trade": trades()[rows["terminal"]],
            "online": rows["online"].astype(int),
            "amount": rows["amount"],
        }
    )


def terminal_names() -> list[str]:
    """Return the name of each terminal: s for shops, w for web shops."""
    shops = [f"s{number:03d}" for number in range(REGIONS * SHOPS_OF_A_REGION)]
    return [*shops, *(f"w{number:02d}" for number in range(WEB_SHOPS))]


def trades() -> np.ndarray:
    """Return the trade of each terminal."""
    shops = SHOP_TRADES[np.arange(REGIONS * SHOPS_OF_A_REGION) % len(SHOP_TRADES)]
    return np.concatenate([shops, np.repeat(WEB_TRADES, WEB_SHOPS // len(WEB_TRADES))])


def card_history(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return, for each card and each day on which it was used, what it did up to the end of that day."""
    spent, bought, online = (np.zeros((count, DAYS)) for _ in range(3))
    at = rows["card"], rows["day"]
    np.add.at(spent, at, rows["amount"])
    np.add.at(bought, at, 1)
    np.add.at(online, at, rows["online"])
    card, day = np.nonzero(bought)
    history = pd.DataFrame(
        {
            "card": [f"c{number:04d}" for number in card],
            "day": BEGIN + day,
            "spend_1d": spent[card, day].round(),
            "spend_7d": newest(spent, 7)[card, day].round(),
            "spend_30d": newest(spent, 30)[card, day].round(),
            "purchases_30d": newest(bought, 30)[card, day],
            "online_30d": newest(online, 30)[card, day],
        }
    )
    return history.convert_dtypes().sort_values(["day", "card"], ignore_index=True)


def habits(cards: Cards) -> pd.DataFrame:
    """Return how often the owner of each card buys online, as the bank found on New Year's Day."""
    names = np.array(["never", "sometimes", "often"])
    return pd.DataFrame(
        {
            "card": [f"c{number:04d}" for number in range(len(cards.usual))],
            "found_on": HABITS_FOUND,
            "habit": names[np.searchsorted([OFTEN / 10, OFTEN], cards.online_before)],
        }
    )


def newest(values: np.ndarray, days: int) -> np.ndarray:
    """Return the sum of the newest days for each card and day.

    >>> newest(np.array([[1.0, 2.0, 4.0]]), 2)
    array([[1., 3., 6.]])
    """
    total = values.cumsum(axis=1)
    total[:, days:] -= total[:, :-days].copy()
    return total


def terminal_risk(rows: pd.DataFrame) -> pd.DataFrame:
    """Return, for each terminal and Monday, the share of frauds among its newest purchases with a label by then."""
    weeks = []
    for day in range(0, DAYS, 7):
        known = rows[(rows["known"] < day) & (rows["day"] >= day - RISK_DAYS)]
        found = known.groupby("terminal")["is_fraud"].agg(["sum", "count"])
        risk = (found["sum"] + RISK_ROWS * RISK_USUAL) / (found["count"] + RISK_ROWS)
        names = found.index.map(terminal_names().__getitem__)
        weeks.append(pd.DataFrame({"terminal": names, "week": BEGIN + day, "risk": risk.round(4).to_numpy()}))
    return pd.concat(weeks, ignore_index=True)


def delivery_days(days: np.ndarray) -> np.ndarray:
    """Return when something of a day lands: the next Monday, Wednesday or Friday, and not before the history does.

    >>> days = np.array(["2026-02-03", "2026-06-12", "2026-06-15", "2026-07-24"], dtype="datetime64[D]")
    >>> delivery_days(days).astype(str).tolist()  # the third was a Monday; after the last, all labels land in one file
    ['2026-06-08', '2026-06-15', '2026-06-17', '2026-08-24']
    """
    day = days.astype("datetime64[D]")
    landed = np.maximum(np.busday_offset(day + 1, 0, roll="forward", weekmask=DELIVERY_DAYS), FIRST_DELIVERY)
    return np.where(day >= BEGIN + DAYS, LAST_LABELS, landed)


def write(rows: pd.DataFrame, days: np.ndarray, folder: Path) -> None:
    """Write one compressed csv for each day of a delivery, named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    for landed, part in rows.groupby(delivery_days(days)):
        path = folder / f"{landed:%Y-%m-%d}.csv.gz"
        part.to_csv(path, index=False, lineterminator="\n", compression=GZIP)


def main(folder: str | Path = Path(__file__).parent / "landing", seed: str = SEED, count: str = CARDS) -> None:
    """Write the landing folder of so many cards."""
    folder, count = Path(folder), int(count)
    cards, everything = simulated(int(seed), count)
    rows = everything[BEGIN + everything["day"].to_numpy() >= DELIVERED]
    day = BEGIN + rows["day"].to_numpy()
    write(transactions(rows), day, folder / "transactions")
    known = rows[rows["known"] < NEVER]
    write(known[["transaction", "is_fraud"]], BEGIN + known["known"].to_numpy(), folder / "labels")
    history = card_history(everything, count)
    history = history[history["day"] >= DELIVERED - 1]
    write(history, history["day"].to_numpy(), folder / "cards")
    write(habits(cards), np.full(count, DELIVERED), folder / "habits")
    risk = terminal_risk(everything)
    risk = risk[risk["week"] >= DELIVERED]
    write(risk, risk["week"].to_numpy() - 1, folder / "terminals")


if __name__ == "__main__":
    main(*sys.argv[1:])
