"""The Streamlit script and the ASGI app in one file.

Run as a script (`streamlit run app.py` executes it anew at each rerun as `__main__`) it draws. Imported by a server
it is `app`: the pages, the REST API and, in its lifespan, the recorder. Shared state lives in imported modules.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from pages.ui.navigation import draw

    draw()
else:
    from streamlit.runtime.pages_manager import PagesManager

    from worker.web import lifespan, routes

    # Pages are named in `pages.ui.navigation`. Streamlit's older discovery of a folder `pages/` would answer the
    # first visits otherwise: a page file run alone, or "page not found".
    PagesManager.uses_pages_directory = False
    app = st.App(__file__, lifespan=lifespan, routes=routes())
