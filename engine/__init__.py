"""The product without a screen: contacts, segments, templates, channels, operations, reports.

Never imports streamlit or rq. What the packages may import of each other is drawn in `docs/architecture.md`
and proved by `tests/test_house.py`.
"""
