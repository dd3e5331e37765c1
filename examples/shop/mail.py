"""Mail to customers, through a gateway that takes its time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from post import post

if TYPE_CHECKING:
    from orders import Order

_URL = os.environ.get("SHOP_MAIL_URL", "http://127.0.0.1:8025")


def send_confirmation(order: Order) -> None:
    """Confirm an order; raise OSError if the gateway does not take the mail."""
    text = f"Thank you! Your order {order['id']}: {order['quantity']} x {order['item']}."
    post(_URL, {"order_id": order["id"], "to": order["email"], "text": text})
