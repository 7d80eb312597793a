"""A message as a mail: HTML and text, the same bytes on every try, its headers free of anybody's line ends; pure."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from schemas.channel import EmailChannel
from schemas.identity import digest
from schemas.inert import plain
from schemas.message import Message
from schemas.rendering.markup import page
from schemas.rendering.outline import heading
from schemas.rendering.plaintext import plaintext

SUBJECT_LIMIT = 180

POLICY = SMTP.clone(cte_type="7bit")
"""Lines end as SMTP wants it, and what isn't ASCII is encoded, so that every server takes it."""


def mail(message: Message, channel: EmailChannel, recipient: str) -> EmailMessage:
    """The mail to one address. Its Message-ID follows from message and channel, so that a repeat is the same mail."""
    made = EmailMessage(policy=POLICY)
    domain = channel.sender.rpartition("@")[2]
    made["Subject"] = plain(f"[{heading(message)}] {plain(message.title)}", limit=SUBJECT_LIMIT)
    made["From"] = Address("Vigía", addr_spec=channel.sender)
    made["To"] = Address(addr_spec=recipient)
    made["Date"] = format_datetime(message.at)
    made["Message-ID"] = f"<{_local(message.message_id, channel)}@{domain}>"
    if message.thread and message.thread != message.message_id:
        first = f"<{_local(message.thread, channel)}@{domain}>"
        made["In-Reply-To"], made["References"] = first, first
    made["Auto-Submitted"] = "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    if message.may_repeat:
        made["X-Vigia-May-Repeat"] = "yes"
    made.set_content(plaintext(message), cte="quoted-printable")
    made.add_alternative(page(message), subtype="html", cte="quoted-printable")
    made["Content-Language"] = message.language.value
    made.set_boundary(f"=_{digest('boundary', message.message_id)}")
    return made


def _local(message_id: str, channel: EmailChannel) -> str:
    return f"{message_id}.{digest('channel', channel.name)[:8]}"
