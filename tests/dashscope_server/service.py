"""What the service answers to a request, without any socket: keys, limits, vectors, the bill and scripted faults."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

from .accounts import Account, KeyRing, Keys
from .bill import Bill, Charge
from .contents import ContentReader, Item, outputs
from .faults import Fault, Script
from .limits import RateLimiter, RateLimits
from .models import MODELS, Model
from .parameters import check_parameters, parse_body, texts_as_contents
from .protocol import (
    EMBEDDING_PATHS,
    OBJECT_STORE_PATH,
    RERANK_PATH,
    TEXT_PATH,
    UPLOAD_POLICY_PATH,
    BodyLimits,
    Exchange,
    Refusal,
    Reply,
    UsageShape,
    invalid,
    json_reply,
    refusal_reply,
    success_text,
    text_success_text,
)
from .reranking import documents_of, rerank
from .uploads import ObjectStore, policy_reply
from .vectors import vector_key, vector_text

Limits = RateLimits | Mapping[str, RateLimits] | Literal["documented"] | None


@dataclass(frozen=True)
class Settings:
    """How one service is set up; ``DashScopeServer`` says what each setting means."""

    keys: Keys
    region: str = "beijing"
    models: Mapping[str, Model] = field(default_factory=lambda: MODELS)
    limits: Limits = None
    body_limits: BodyLimits = field(default_factory=BodyLimits)
    usage: UsageShape = "flat"
    accept_parameters: Collection[str] = ()
    keep_contents: bool = True
    clock: Callable[[], float] = time.monotonic


@dataclass
class Outcome:
    """What is to be sent for one request.

    Attributes
    ----------
    charges : list of Charge
        What goes on the bill at the moment of sending.
    worked : bool
        Whether the service did the work, which takes its latency.
    """

    reply: Reply
    fault: Fault | None = None
    charges: list[Charge] = field(default_factory=list)
    worked: bool = False


class EmbeddingService:
    """Answers requests; called from several threads at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bill = Bill()
        self.script = Script()
        self.store = ObjectStore()
        self.keys = KeyRing(settings.keys, settings.region)
        self._limiter = RateLimiter(settings.clock)

    def answer(self, exchange: Exchange, body: bytes, host: str) -> Outcome:
        """Return what is to be sent, and fill the exchange in."""
        if exchange.path in EMBEDDING_PATHS:
            outcome = self._embed(exchange, body)
        elif exchange.path == RERANK_PATH:
            outcome = self._rerank(exchange, body)
        else:
            try:
                outcome = Outcome(self._other(exchange, body, host))
            except Refusal as refusal:
                exchange.code = refusal.code
                outcome = Outcome(refusal_reply(refusal, exchange.request_id))
        if outcome.fault is None or outcome.fault.reply is not None or outcome.fault.works:
            exchange.status = outcome.reply.status
        return outcome

    def sold(self, contents: list[Any], model: str, parameters: Mapping[str, Any]) -> list[tuple[Item, bytes, int]]:
        """Return what a request gives: for each vector what it is made of, its key, and its dimension.

        Raises
        ------
        Refusal
            If the service would refuse the request.
        """
        known = self._model(model)
        check_parameters(parameters, known, self.settings.accept_parameters)
        reader = ContentReader(
            known, self.settings.region, parameters, self.settings.body_limits, stored=self.store.of_model(known.name)
        )
        return self._products(reader.read(contents), known, parameters)

    def _other(self, exchange: Exchange, body: bytes, host: str) -> Reply:
        if exchange.path == UPLOAD_POLICY_PATH and exchange.method == "GET":
            self.keys.authenticate(exchange.headers.get("authorization"))
            return policy_reply(self.store, host + OBJECT_STORE_PATH, parse_qs(exchange.query), exchange.request_id)
        if exchange.path == OBJECT_STORE_PATH and exchange.method == "POST":
            return self.store.put(exchange.headers.get("content-type", ""), body)
        raise Refusal(404, "InvalidURL", "url error, please check url!")

    def _rerank(self, exchange: Exchange, body: bytes) -> Outcome:
        exchange.contents = documents_of(body) if self.settings.keep_contents else None
        fault = self.script.strike(exchange)
        exchange.fault = None if fault is None else fault.name
        if fault is not None and fault.reply is not None:
            return Outcome(fault.reply(exchange), fault)
        try:
            account = self._let_in(exchange, None)
            answer = rerank(body, exchange.request_id, self.settings.body_limits)
            account.check(str(answer.pop("model")))
        except Refusal as refusal:
            exchange.code = refusal.code
            return Outcome(refusal_reply(refusal, exchange.request_id))
        return Outcome(json_reply(200, answer), worked=True)

    def _embed(self, exchange: Exchange, body: bytes) -> Outcome:
        value, unreadable = self._read_body(exchange, body)
        fault = self.script.strike(exchange)
        exchange.fault = None if fault is None else fault.name
        if not self.settings.keep_contents:
            exchange.contents = None
        if fault is not None and fault.reply is not None:
            return Outcome(fault.reply(exchange), fault)
        if fault is not None and not fault.works:
            return Outcome(Reply(200), fault)
        try:
            account = self._let_in(exchange, unreadable)
            answer, charges = self._work(exchange, account, value["input"]["contents"])
        except Refusal as refusal:
            exchange.code = refusal.code
            return Outcome(refusal_reply(refusal, exchange.request_id), _connection_part(fault))
        headers = (("x-request-id", exchange.request_id),)
        if fault is not None and fault.change is not None:
            reply = json_reply(200, fault.change(json.loads(answer)), headers)
        else:
            reply = Reply(200, answer.encode(), headers=headers)
        if fault is not None and fault.dress is not None:
            reply = fault.dress(reply)
        for charge in charges:
            charge.delivered = fault is None or not fault.spoils
        return Outcome(reply, fault, charges, worked=True)

    def _read_body(self, exchange: Exchange, body: bytes) -> tuple[dict[str, Any], Refusal | None]:
        try:
            key = "texts" if exchange.path == TEXT_PATH else "contents"
            value = parse_body(body, exchange.headers.get("content-type", ""), self.settings.body_limits, key)
            if key == "texts":
                value["input"]["contents"] = texts_as_contents(value["input"]["texts"])
        except Refusal as refusal:
            return {}, refusal
        exchange.model = value["model"]
        exchange.parameters = value.get("parameters", {})
        contents = value["input"]["contents"]
        exchange.contents = contents if isinstance(contents, list) else None
        return value, None

    def _let_in(self, exchange: Exchange, unreadable: Refusal | None) -> Account:
        account = self.keys.authenticate(exchange.headers.get("authorization"))
        if exchange.method != "POST":
            raise Refusal(405, "InvalidParameter", f"Request method '{exchange.method}' is not supported.")
        if unreadable is not None:
            raise unreadable
        return account

    def _work(self, exchange: Exchange, account: Account, contents: Any) -> tuple[str, list[Charge]]:
        settings = self.settings
        model = self._model(str(exchange.model))
        account.check(model.name)
        if model.text_model != (exchange.path == TEXT_PATH):
            raise invalid("url error, please check url!")
        check_parameters(exchange.parameters, model, settings.accept_parameters)
        resolves = exchange.headers.get("x-dashscope-ossresourceresolve") == "enable"
        reader = ContentReader(
            model,
            settings.region,
            exchange.parameters,
            settings.body_limits,
            stored=self.store.of_model(model.name) if resolves else None,
        )
        sold = self._products(reader.read(contents), model, exchange.parameters)
        exchange.digests = tuple(key for _, key, _ in sold)
        tokens = [item.tokens for item, _, _ in sold]
        total = sum(tokens[1:], tokens[0])
        refusal = self._limiter.admit(account.name, model.name, self._limits(model), total.total)
        if refusal is not None:
            raise refusal
        charges = [
            Charge(
                request=exchange.number,
                account=account.name,
                model=model.name,
                kind=item.kind,
                key=key,
                tokens=item.tokens,
                cost=(item.tokens.text * model.text_price + item.tokens.media * model.media_price) / 1000,
            )
            for item, key, _ in sold
        ]
        if model.text_model:
            if total.total > model.text_tokens:
                raise invalid(f"Range of input length should be [1, {model.text_tokens}].")
            vectors = [vector_text(key, dimension) for _, key, dimension in sold]
            return text_success_text(vectors, total, exchange.request_id), charges
        embeddings = [(item.kind, vector_text(key, dimension)) for item, key, dimension in sold]
        return success_text(embeddings, total, settings.usage, exchange.request_id), charges

    def _products(
        self, items: list[Item], model: Model, parameters: Mapping[str, Any]
    ) -> list[tuple[Item, bytes, int]]:
        dimension = parameters.get("dimension", model.dimensions[0])
        return [
            (item, vector_key(item, model.name, dimension, parameters), dimension)
            for item in outputs(items, model, parameters)
        ]

    def _model(self, name: str) -> Model:
        model = self.settings.models.get(name)
        if model is None or self.settings.region not in model.regions:
            raise Refusal(404, "ModelNotFound", f"Model not exist: {name}.")
        return model

    def _limits(self, model: Model) -> RateLimits:
        limits = self.settings.limits
        if limits == "documented":
            return model.rates
        if isinstance(limits, RateLimits):
            return limits
        if isinstance(limits, Mapping):
            return limits.get(model.name, RateLimits())
        return RateLimits()


def _connection_part(fault: Fault | None) -> Fault | None:
    # A refused request has no answer that could be garbled; what the fault does to the connection still holds.
    return fault if fault is not None and fault.deliver is not None else None
