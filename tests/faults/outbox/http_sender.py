"""A sender that posts JSON, and waits as long as the receiver lets it: nobody but the outbox ends a hang."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from lineside.ports import Delivery, TryAgain, Undeliverable


class HttpSender:
    kind = "alert"

    def send(self, delivery: Delivery) -> None:
        request = urllib.request.Request(
            delivery.address.reveal(),
            json.dumps(delivery.payload).encode(),
            {"Content-Type": "application/json", "Idempotency-Key": delivery.key},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(request, timeout=5.0).close()
        except urllib.error.HTTPError as error:
            if error.code == 400:
                raise Undeliverable("the receiver refuses it") from error
            after = error.headers.get("Retry-After")
            raise TryAgain(f"the receiver answered {error.code}", None if after is None else float(after)) from error
