"""Verdicts in the format of JUnit's XML reports, which continuous integration servers show."""

from collections.abc import Sequence
from xml.etree import ElementTree

from robustkd.errors import printable
from robustkd.reporting.gate.judge import Verdict
from robustkd.reporting.gate.lines import verdict_line


def junit_xml(run: str, verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> str:
    """Return one test case for each verdict, with a failure for each requirement that is not met.

    Args:
        run: The name of the run.
        verdicts: The verdicts.
        notes: What else a reader must know.
    """
    failed = sum(not verdict.met for verdict in verdicts)
    counts = {"tests": str(len(verdicts)), "failures": str(failed), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "robustkd gate", **counts})
    for verdict in verdicts:
        told = str(verdict.requirement)
        name = printable(told if verdict.requirement.student else f"{verdict.student}: {told}")
        case = ElementTree.SubElement(suite, "testcase", {"classname": printable(run), "name": name, "time": "0"})
        line = printable(verdict_line(verdict))
        if not verdict.met:
            ElementTree.SubElement(case, "failure", {"type": "requirement", "message": line}).text = line
        else:
            ElementTree.SubElement(case, "system-out").text = line
    if notes:
        ElementTree.SubElement(suite, "system-out").text = "\n".join(map(printable, notes))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
