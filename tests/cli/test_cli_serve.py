"""`serve`: the runs of the store as pages, where the links of Jaeger's pages lead."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from analysis.story import Story
from starlette.testclient import TestClient

from cli.conftest import tuning_story
from otel_replay.web import run_pages


@pytest.fixture
def client(store) -> TestClient:
    return TestClient(run_pages.application(store.root), base_url="http://127.0.0.1:4319")


def test_a_run_is_the_page_that_export_writes(client, keep, tuning):
    keep(tuning)
    answer = client.get(f"/runs/{tuning.run_id}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!doctype html>")
    assert "CLAMPING_APPLIED" in answer.text


def test_a_run_may_be_named_as_on_the_command_line(client, keep, tuning):
    keep(tuning)
    assert tuning.run_id in client.get("/runs/latest").text
    assert tuning.run_id in client.get(f"/runs/{tuning.run_id[:12]}").text


def test_a_run_that_goes_on_is_shown_as_far_as_it_is(client, keep, tuning):
    keep(tuning, how="interrupted")
    assert "interrupted" in client.get("/runs/latest").text


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "%00", "a" * 500])
def test_what_is_no_run_is_not_found(client, keep, tuning, name):
    keep(tuning)
    answer = client.get(f"/runs/{name}")
    assert answer.status_code == 404
    assert "detail" in answer.json()


def test_the_list_links_every_run_and_shows_markup_as_text(client, keep):
    keep(tuning_story("older"), name="<script>alert(1)</script>")
    keep(tuning_story("newer", later_ns=1))
    page = client.get("/").text
    assert page.index('href="/runs/newer"') < page.index('href="/runs/older"')
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_an_empty_store_says_how_to_fill_it(client):
    assert "otel-replay demo" in client.get("/").text


def test_a_run_that_no_browser_would_show_is_refused_with_what_to_do(client, keep, monkeypatch):
    monkeypatch.setattr(run_pages, "MOST_DECISIONS", 10)
    keep(tuning_story("long"))
    answer = client.get("/runs/long")
    assert answer.status_code == 413
    assert "otel-replay view long" in answer.json()["hint"]


def test_nothing_can_be_changed(client, keep, tuning):
    keep(tuning)
    for method in ("POST", "PUT", "DELETE"):
        assert client.request(method, f"/runs/{tuning.run_id}").status_code == 405


def test_pages_of_other_sites_and_names_that_were_made_to_point_here_get_nothing(client, keep, tuning):
    keep(tuning)
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_links_of_jaegers_pages_lead_to_the_command_as_it_is(store, keep):
    story = Story("a-run")
    story.end(story.run())
    keep(story)
    config = json.loads((Path(__file__).parents[2] / "collector" / "jaeger-ui.json").read_text())
    links = [link["url"] for link in config["linkPatterns"] if "/runs/" in link["url"]]
    command = [sys.executable, "-m", "otel_replay", "--store", str(store.root), "serve", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    (link,) = links
    port = link.split(":")[2].split("/")[0]
    assert f"default: {port};" in " ".join(said.split())

    with subprocess.Popen([*command[:-1], "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            assert select.select([server.stderr], [], [], 60)[0]
            url = next(word for word in server.stderr.readline().split() if word.startswith("http://"))
            path = link.partition(port)[2].replace("#{otel_replay.run.id}", "a-run")
            with urllib.request.urlopen(url.rstrip(",") + path, timeout=60) as answer:
                assert b"a-run" in answer.read()
        finally:
            server.terminate()
