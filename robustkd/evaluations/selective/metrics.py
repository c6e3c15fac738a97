"""The metrics of the selective evaluation."""

from robustkd.results.metric import Metric

METRICS = (
    Metric(
        "aurc",
        "AURC",
        "fraction",
        False,
        "Area under the risk–coverage curve: the error rate among the most confident images, averaged over all "
        "coverages. It is the error rate where confidence says nothing.",
    ),
    Metric(
        "aurc_difference",
        "AURC against baseline",
        "points",
        False,
        "AURC minus the independent baseline's, on the same images.",
        difference_of="aurc",
        subject="risk of confident answers (AURC)",
    ),
    Metric(
        "augrc",
        "AUGRC",
        "fraction",
        False,
        "Area under the generalized risk–coverage curve: the share of all images that are accepted and wrong, averaged "
        "over all coverages. It is half the error rate where confidence says nothing.",
    ),
    Metric(
        "augrc_difference",
        "AUGRC against baseline",
        "points",
        False,
        "AUGRC minus the independent baseline's, on the same images.",
        difference_of="augrc",
    ),
    Metric(
        "excess_aurc",
        "E-AURC",
        "fraction",
        False,
        "AURC minus the AURC of the same errors in the best order; 0 if every error is less confident than every "
        "correct prediction.",
    ),
    Metric(
        "excess_aurc_difference",
        "E-AURC against baseline",
        "points",
        False,
        "E-AURC minus the independent baseline's, on the same images.",
        difference_of="excess_aurc",
    ),
    Metric(
        "risk_at_80",
        "Risk at 80% coverage",
        "fraction",
        False,
        "Error rate among the 80% of the images with the highest confidence.",
        table="at a chosen coverage or risk",
    ),
    Metric(
        "risk_at_80_difference",
        "Risk at 80% against baseline",
        "points",
        False,
        "Risk at 80% coverage minus the independent baseline's, on the same images.",
        difference_of="risk_at_80",
        table="at a chosen coverage or risk",
    ),
    Metric(
        "coverage_at_5",
        "Coverage at 5% risk",
        "fraction",
        True,
        "Largest share of the images, by decreasing confidence, of which at most 5% are wrong.",
        table="at a chosen coverage or risk",
    ),
    Metric(
        "coverage_at_5_difference",
        "Coverage at 5% against baseline",
        "points",
        True,
        "Coverage at 5% risk minus the independent baseline's, on the same images.",
        difference_of="coverage_at_5",
        table="at a chosen coverage or risk",
    ),
    Metric(
        "selective_risk",
        "Selective risk",
        "fraction",
        False,
        "Error rate among the images that are accepted; `strength` is the coverage.",
        table="of the curve",
    ),
)
