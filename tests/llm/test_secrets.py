"""Secrets are taken out of the messages of providers and HTTP clients, in whatever form these repeat them."""

from __future__ import annotations

import json
import time

import pytest

from ctxprune.llm.base import remove_secrets

S = "Hu4nter2Hu4nter2"  # stands for any secret


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"https://u:{S}@host/v1", "https://***@host/v1"),
        (f"https://{S}@host/v1", "https://***@host/v1"),
        (f"postgresql://u:p@{S}@host/db", "postgresql://***@host/db"),
        (f"postgresql://u:p/{S}@host/db", "postgresql://***@host/db"),
        (f"redis://:{S}/a@b/c@host:1/0 failed", "redis://***@host:1/0 failed"),
        (f"GET https://host/v1?token={S}&n=1", "GET https://host/v1?token=***&n=1"),
        (f"GET https://host/v1?a=1&access_token={S}", "GET https://host/v1?a=1&access_token=***"),
        (f"GET https://host/v1?key={S}#m", "GET https://host/v1?key=***#m"),
        (f"x-api-key: {S}", "x-api-key: ***"),
        (f"X-Goog-Api-Key={S}", "X-Goog-Api-Key=***"),
        (f"api-key: {S}, accept: a", "api-key: ***, accept: a"),
        (f"Authorization: Basic {S}==", "Authorization: Basic ***"),
        (f"authorization: Bearer {S}", "authorization: Bearer ***"),
        (f"Authorization: {S}", "Authorization: ***"),
        (f"Proxy-Authorization:\n  Basic  {S}", "Proxy-Authorization: Basic ***"),
        (f"said Basic {S}", "said Basic ***"),
        (f"Bearer  {S}", "Bearer ***"),
        (json.dumps({"api_key": S, "n": 1}), '{"api_key": ***, "n": 1}'),
        (json.dumps({"headers": {"Authorization": f"Bearer {S}"}}), '{"headers": {"Authorization": "Bearer ***"}}'),
        (json.dumps({"password": f'a"b {S}', "n": 1}), '{"password": ***, "n": 1}'),
        (f"{{'client_secret': '{S}', 'n': 1}}", "{'client_secret': ***, 'n': 1}"),
        (f"OPENAI_API_KEY={S}", "OPENAI_API_KEY=***"),
        (f"set-cookie: session={S}", "set-cookie: ***"),
        (f"key AIza{S}{S} is wrong", "key AIza*** is wrong"),
        (f"sk-proj-{S}", "sk-***"),
        (f"hf_{S} gsk_{S}", "hf_*** gsk_***"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIA***"),
        (f"eyJ{S}.{S}.{S}", "eyJ***"),
        ("api_key=abcdef1", "api_key=***"),
    ],
)
def test_secrets_are_taken_out(text: str, said: str) -> None:
    assert remove_secrets(text) == said


def test_escaped_json_is_read_too() -> None:
    text = json.dumps({"body": json.dumps({"headers": {"authorization": f"Basic {S}", "token": S}})})
    assert S not in remove_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 5 is above 4",
        "Basic authentication is required",
        "https://api.host/v4/run/@cf/meta/llama",
        "mail a@b.example, see https://host/docs",
        "no column tokens in the table keys",
        "the model has 5 tokens, the key is wrong",
        "Unexpected token } in JSON at position 3",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert remove_secrets(text) == text


@pytest.mark.parametrize(
    "unit",
    ["://", "://@", "a-", "_", "token", "basic ", "authorization:", 'token="', "eyJaaaaaaaa.", "\\", "AKIA", "sk-"],
)
def test_the_time_grows_with_the_text(unit: str) -> None:
    start = time.process_time()
    remove_secrets(unit * (200_000 // len(unit)))
    assert time.process_time() - start < 2  # 0.1 seconds
