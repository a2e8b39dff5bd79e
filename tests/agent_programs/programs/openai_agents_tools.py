"""An agent of the OpenAI Agents SDK whose tools are no functions: a shell, patches and a computer."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agents import Agent, ApplyPatchTool, Computer, ComputerTool, Runner, ShellTool, set_default_openai_client
from agents.editor import ApplyPatchResult
from openai import AsyncOpenAI

SAID = {"type": "output_text", "text": "done", "annotations": []}
ANSWERS = iter(
    [
        {"type": "shell_call", "call_id": "call_1", "action": {"commands": ["echo 23"], "timeout_ms": 1000}},
        {
            "type": "apply_patch_call",
            "call_id": "call_2",
            "operation": {"type": "create_file", "path": "cell.txt", "diff": "+23\n"},
        },
        {
            "type": "computer_call",
            "call_id": "call_3",
            "pending_safety_checks": [],
            "action": {"type": "click", "x": 1, "y": 2, "button": "left"},
        },
        {"type": "message", "role": "assistant", "content": [SAID]},
    ]
)
HEAD = {"object": "response", "created_at": 1, "status": "completed", "model": "gpt-test", "tools": []}
COUNTED = {"input_tokens": 11, "output_tokens": 2, "total_tokens": 13}
DETAILS = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}


class Model(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        item = {"id": "item", "status": "completed", **next(ANSWERS)}
        more = {"parallel_tool_calls": True, "tool_choice": "auto", "usage": {**COUNTED, **DETAILS}}
        data = json.dumps({"id": "resp", **HEAD, **more, "output": [item]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


class Editor:
    def create_file(self, operation) -> ApplyPatchResult:
        return ApplyPatchResult(status="completed", output=f"made {operation.path}")

    update_file = delete_file = create_file


class Screen(Computer):
    environment = "browser"
    dimensions = (10, 10)

    def screenshot(self) -> str:
        return "aGk="

    def click(self, x: int, y: int, button: str) -> None:
        pass

    double_click = scroll = type = wait = move = keypress = drag = click


with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    set_default_openai_client(AsyncOpenAI(api_key="none", base_url=url, max_retries=0), use_for_tracing=False)
    tools = [
        ShellTool(executor=lambda _: "23\n"),
        ApplyPatchTool(editor=Editor()),
        ComputerTool(computer=Screen()),
    ]
    keeper = Agent(name="keeper", model="gpt-test", instructions="You look after cells.", tools=tools)
    print(Runner.run_sync(keeper, "cells 3 and 4").final_output)
    server.shutdown()
