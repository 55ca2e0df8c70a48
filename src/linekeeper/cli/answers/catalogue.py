"""All answers, by the command that gives them, and the JSON Schema of each."""

from __future__ import annotations

from typing import Any

import msgspec

from linekeeper.cli.answers import (
    accounts,
    backtesting,
    events,
    measuring,
    notices,
    policies,
    proof,
    service,
    settings,
    store,
    validation,
)
from linekeeper.cli.answers.style import CommandAnswer, ErrorAnswer

JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"

# A command has several answers where an option or an argument that is left out asks for something else.
ANSWERS: dict[str, tuple[type[CommandAnswer], ...]] = {
    "demo": (events.DemoAnswer,),
    "check": (policies.CheckAnswer,),
    "fmt": (policies.FmtAnswer,),
    "schema": (policies.SchemaAnswer,),
    "describe": (policies.DescribeAnswer,),
    "kernel": (policies.KernelAnswer,),
    "adopt": (policies.AdoptAnswer,),
    "versions": (policies.VersionsAnswer,),
    "import": (events.ImportAnswer, events.ImportProfileAnswer),
    "contract propose": (events.FirstContractAnswer,),
    "run": (events.RunAnswer,),
    "review": (events.ReviewAnswer,),
    "replay": (events.ReplayAnswer,),
    "verify": (events.VerifyAnswer,),
    "authorise": (events.AuthoriseAnswer,),
    "pending list": (events.PendingListAnswer,),
    "pending release": (events.PendingReleaseAnswer,),
    "pending refuse": (events.PendingRefuseAnswer,),
    "pending batches list": (events.PendingBatchesAnswer,),
    "pending batches release": (events.BatchReleaseAnswer,),
    "pending batches reject": (events.BatchRejectAnswer,),
    "override": (events.OverrideAnswer,),
    "consent": (events.ConsentAnswer,),
    "relief": (events.ReliefAnswer,),
    "accounts": (accounts.AccountsAnswer, events.ExtractAnswer),
    "decisions": (accounts.DecisionsAnswer, events.ExtractAnswer),
    "events": (events.EventsAnswer, events.ExtractAnswer),
    "changes": (accounts.ChangesAnswer,),
    "features": (accounts.FeaturesAnswer, events.ExtractAnswer),
    "show": (accounts.ShowAnswer,),
    "explain": (accounts.ExplainAnswer,),
    "road": (accounts.RoadAnswer, accounts.RoadCheckAnswer),
    "what-if": (accounts.WhatIfAnswer,),
    "lesson": (notices.LessonAnswer, notices.LessonsAnswer),
    "repay-plan": (notices.RepayPlanAnswer,),
    "notice": (notices.NoticeAnswer,),
    "notices list": (notices.NoticesListAnswer, events.ExtractAnswer),
    "notices sent": (notices.NoticesSentAnswer,),
    "notices preview": (notices.NoticesPreviewAnswer,),
    "clock": (notices.ClockAnswer,),
    "log init": (proof.LogInitAnswer,),
    "log publish": (proof.LogPublishAnswer,),
    "log status": (proof.LogStatusAnswer,),
    "log rotate": (proof.LogRotateAnswer, proof.LogRotateFinishAnswer),
    "log export": (proof.LogExportAnswer,),
    "receipt make": (proof.ReceiptMakeAnswer,),
    "receipt verify": (proof.ReceiptVerifyAnswer,),
    "receipt check-all": (proof.ReceiptCheckAnswer,),
    "witness": (proof.WitnessAnswer,),
    "erase": (proof.EraseAnswer,),
    "snapshot": (measuring.SnapshotAnswer,),
    "card import model": (measuring.CardImportAnswer,),
    "card override": (validation.CardOverrideAnswer,),
    "card validate": (validation.CardValidationAnswer,),
    "fit": (measuring.FitAnswer, measuring.CrossValidationAnswer, measuring.PlanDraftAnswer),
    "forecast": (measuring.ForecastAnswer,),
    "outcome": (measuring.OutcomeAnswer,),
    "backtest": (backtesting.BacktestAnswer,),
    "compare": (backtesting.CompareAnswer,),
    "store status": (store.StoreStatusAnswer,),
    "store upgrade": (store.StoreUpgradeAnswer,),
    "serve": (service.ServeAnswer,),
    "key add": (service.KeyAddAnswer,),
    "key list": (service.KeyListAnswer,),
    "key revoke": (service.KeyRevokeAnswer,),
    "settings": (settings.SettingsAnswer,),
}
OTHERS: tuple[type[CommandAnswer], ...] = (ErrorAnswer, events.RejectedRow)


def all_answers() -> list[type[CommandAnswer]]:
    """Every form of an answer, each once, in the order of the commands; those of no single command come last."""
    return list(dict.fromkeys(answer for answers in [*ANSWERS.values(), OTHERS] for answer in answers))


def tag_of(answer: type[CommandAnswer]) -> str:
    """The form that stands under `schema` in an answer.

    >>> tag_of(ErrorAnswer)
    'linekeeper/error/1'
    """
    return str(answer.__struct_config__.tag)


def name_of(answer: type[CommandAnswer]) -> str:
    """The name of an answer's schema, without the product and the number.

    >>> name_of(proof.LogStatusAnswer)
    'log-status'
    """
    return tag_of(answer).split("/")[1]


def schema_of_answer(answer: type[CommandAnswer]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an answer: all keys are required, and there are no others."""
    schema = msgspec.json.schema(answer)
    definitions = schema.pop("$defs")
    top = definitions.pop(answer.__name__)
    for one in [top, *definitions.values()]:
        if "properties" in one:
            one["additionalProperties"] = False
            one["required"] = list(one["properties"])
    head = {"$schema": JSON_SCHEMA, "title": tag_of(answer)}
    return head | {key: value for key, value in top.items() if key != "title"} | {"$defs": definitions}
