"""The conformance suite for HTTP/2 (h2spec, strict cases included) against listeners."""

import xml.etree.ElementTree as xml

import pytest

from kit.backend import answering
from kit.tools import H2SPEC, call

#: Cases of the suite, by part and description: fewer would mean that it broke off.
CASES = 140

#: The suite opens with "INVALID CONNECTION PREFACE", which is how an HTTP/1 request with the method INVALID begins. Where HTTP/1 is
#: welcome too, the right answer is 400 and a closed connection; the suite fails any answer that is no frame.
HTTP1_IS_WELCOME = {"Sends invalid connection preface"}


@pytest.mark.parametrize(("downstream", "excused"), [("Http2", set()), ("Auto", HTTP1_IS_WELCOME)])
def test_every_case_passes(proxy, backend, tmp_path, downstream, excused):
    if not H2SPEC.exists():
        pytest.skip("h2spec is not installed; ./test installs it")
    process, port = proxy(backend(answering()).port, downstream=downstream, route={"upstream_protocol": "Http1"})
    report = tmp_path / "report.xml"
    text = call(str(H2SPEC), "--strict", "-h", "127.0.0.1", "-p", str(port), "-o", "5", "-j", report, check=False)
    cases = xml.parse(report).getroot().findall(".//testcase")
    assert len(cases) >= CASES, text
    failed = {case.get("classname") for case in cases if case.find("failure") is not None or case.find("error") is not None}
    assert failed <= excused, text
    # Every connection that the suite has broken is gone, and the next client is served.
    assert call("nghttp", f"http://127.0.0.1:{port}/") == "ok"
