"""A task kind of one's own in five lines."""

from shared_agent.handlers import handler


@handler("headline")
async def headline(context, chunk):
    reply = await context.complete(f"Write one headline for this text:\n{chunk.text}", max_output_tokens=40)
    return {"source": chunk.source, "headline": reply.text}
