"""Checks a webhook with `standardwebhooks` of PyPI: its headers, body and secrets are JSON on the standard input."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

received = json.load(sys.stdin)
for secret in received["secrets"]:
    Webhook(secret).verify(received["body"], received["headers"])
    try:
        Webhook(secret).verify(received["body"] + " ", received["headers"])
    except WebhookVerificationError:
        continue
    sys.exit("a changed body was taken")
print("standardwebhooks of PyPI: both secrets verify")
