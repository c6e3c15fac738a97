"""Agreement beside the calibration error."""

from __future__ import annotations

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.style import ROLE_COLOURS, LayeredChart

SIZE = 240


def agreement_against_ece(frame: pd.DataFrame) -> LayeredChart:
    """Draw the calibration error of each method over its agreement with the teacher.

    Args:
        frame: Tidy results of `Fidelity`.
    """
    import altair as alt

    rows = frame[(frame["metric"] == "agreement") & (frame["level"] == "method")]
    agreement = rows.set_index("member")["value"].dropna()
    errors = frame[(frame["metric"] == "ece") & frame["value"].notna() & frame["member"].isin(agreement.index)]
    values = [
        {
            "method": row["member"],
            "role": row["role"],
            "agreement": 100 * float(agreement[row["member"]]),
            "ece": 100 * float(row["value"]),
        }
        for _, row in errors.iterrows()
    ]
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(errors["role"])}
    base = alt.Chart(chart_data(values)).encode(
        x=alt.X("agreement:Q", title="Agreement (%)", scale=alt.Scale(zero=False, nice=True, padding=20)),
        y=alt.Y("ece:Q", title="ECE (%)", scale=alt.Scale(zero=False, nice=True, padding=10)),
        color=alt.Color("role:N", scale=alt.Scale(domain=list(roles), range=list(roles.values())), legend=None),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("agreement:Q", format=".1f"),
            alt.Tooltip("ece:Q", format=".1f", title="ECE"),
        ],
    )
    names = base.mark_text(align="left", dx=7).encode(text="method:N")
    return alt.layer(base.mark_circle(size=60), names).properties(width=2 * SIZE, height=SIZE)
