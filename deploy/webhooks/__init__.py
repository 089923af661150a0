"""Webhooks as they are managed: kept, sealed, tried, made of templates."""
