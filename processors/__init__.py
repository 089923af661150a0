"""Topic to topic: raw events in, canonical events out; the only room with Faust."""
