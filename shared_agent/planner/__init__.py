"""Predicts what a job costs and how long it takes, before it runs."""

from shared_agent.planner.estimate import check, make_plan
from shared_agent.planner.plan import Latency, Plan, Stage

__all__ = ["Latency", "Plan", "Stage", "check", "make_plan"]
