"""A graph of LangGraph: a model, tools side by side, a stream of what it says."""

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


@tool
def temperature(cell: int) -> str:
    """The temperature of a cell."""
    if cell > 90:
        raise ValueError("there is no such cell")
    return f"cell {cell}: {20 + cell} degrees"


model = ChatOpenAI(model="gpt-test").bind_tools([temperature])


def think(state: MessagesState) -> dict:
    return {"messages": [model.invoke(state["messages"])]}


graph = StateGraph(MessagesState)
graph.add_node("think", think)
graph.add_node("tools", ToolNode([temperature], handle_tool_errors=True))
graph.add_edge(START, "think")
graph.add_conditional_edges("think", tools_condition)
graph.add_edge("tools", "think")
keeper = graph.compile(name="keeper")

asked = {"messages": [("system", "You look after cells."), ("user", "cells 3 and 4")]}
print(keeper.invoke(asked)["messages"][-1].content)
for chunk, _ in keeper.stream({"messages": [("user", "stream a story")]}, stream_mode="messages"):
    print(chunk.content, end="|")
print()
print(keeper.invoke({"messages": [("user", "cell 99")]})["messages"][-1].content)
