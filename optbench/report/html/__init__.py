"""Reports to look at: one HTML file that needs nothing else, no network and no server.

`build` decides what a report shows, `render` makes the page. Its pictures are drawn in the reader's browser, by the few
hundred lines of JavaScript beside this file, from figures that the page carries as JSON. Why no plotting library:
Plotly's is 3.5 to 4.5 MB, more than the 3 MB that a whole report may have; Vega-Lite with Vega is about 0.8 MB of code
that somebody has to keep up to date here; matplotlib's SVG has neither arms to switch off nor values to point at, and
20 arms with 200 epochs are megabytes of it for each axis. Lines, bars and points in SVG need no library and have not
changed in twenty years: the file will open as it does now.
"""

from optbench.report.html._build import build
from optbench.report.html._render import render
from optbench.report.html._sentence import verdict
from optbench.report.html._types import Chapter, Data, Entry, Published, Report

__all__ = ["Chapter", "Data", "Entry", "Published", "Report", "build", "render", "verdict"]
