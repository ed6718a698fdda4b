"""Task kinds: summarise, extract, classify, answer and judge, and the registry for one's own."""

from shared_agent.handlers.registry import find, handler, kinds, register, resolve

__all__ = ["find", "handler", "kinds", "register", "resolve"]
