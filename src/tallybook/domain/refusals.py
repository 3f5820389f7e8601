"""Refusals: each way in which the business says no, with the stable key by which clients tell it.

What they become in HTTP is said in one table of the API. Keys, messages and details are those of the documented 4xx answers
unless a docstring says otherwise.
"""

from typing import ClassVar


class Refusal(Exception):
    """A command that is well formed and may not be done; nothing changes. `details` speaks of the case at hand."""

    key: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, details: str | None = None, *, resource_id: str | None = None, resource_type: str | None = None) -> None:
        super().__init__(details or self.message)
        self.details = details
        self.resource_id = resource_id
        self.resource_type = resource_type


# What is named is not there, or there already.


class NotFound(Refusal):
    """Nothing of this type has this id, name or code in the project. A deleted customer is not found either (decision 45)."""

    key = "not_found"
    message = "Resource not found"

    def __init__(self, resource_type: str, resource_id: str) -> None:
        details = f"Cannot find {resource_type} with id {resource_id}"
        super().__init__(details, resource_id=resource_id, resource_type=resource_type)


class DuplicateFound(Refusal):
    """Another resource of this type has the same name, or whatever `field` is that must be unique."""

    key = "duplicate_found"
    message = "Duplicated resource found"

    def __init__(self, resource_type: str, resource_id: str, field: str = "name") -> None:
        details = f"Duplicated {resource_type} exists with {field} {resource_id}"
        super().__init__(details, resource_id=resource_id, resource_type=resource_type)


class DuplicateSourceId(Refusal):
    """The source id was used before, for something else than what is asked now (decision 16)."""

    key = "duplicate_source_id"
    message = "Duplicate source_id"

    def __init__(self, what: str, source_id: str) -> None:
        super().__init__(f"{what} with source_id: '{source_id}' already exists")


class IdempotencyKeyReused(Refusal):
    """The idempotency key came before with another body. Ours (decision 32)."""

    key = "idempotency_key_reused"
    message = "Idempotency key reused"

    def __init__(self) -> None:
        super().__init__("The Idempotency-Key was already used with another body")


class ResourceProtected(Refusal):
    """The resource must not be changed now, or not in this way."""

    key = "resource_protected"
    message = "Resource is protected"

    def __init__(self, resource_type: str, resource_id: str) -> None:
        details = f"Resource {resource_type} with id {resource_id} is protected and cannot be modified"
        super().__init__(details, resource_id=resource_id, resource_type=resource_type)


class ResourceInUse(Refusal):
    """Other resources speak of it, so it cannot be deleted. `related_object_*` name them in the answer."""

    key = "resource_in_use"
    message = "Resource in use"

    def __init__(self, resource_type: str, resource_id: str, used_by: str, ids: list[str]) -> None:
        super().__init__(f"Resource {resource_type} with id {resource_id} is in use by {used_by} with ids [{', '.join(ids)}]")
        self.related_object_ids = ids
        self.related_object_type = used_by


# Publishing cards.


class VoucherAlreadyPublished(Refusal):
    """The card that was named belongs to a customer already (decision 11)."""

    key = "voucher_already_published"
    message = "Voucher already published"

    def __init__(self, voucher_id: str) -> None:
        super().__init__(f"Voucher '{voucher_id}' has already been published")


class DuplicateCodes(Refusal):
    """Cards were to be imported with codes that cards have, or two of them with the same code."""

    key = "duplicate_key"
    message = "Duplicate codes"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} voucher codes(s) already exist.")


class InvalidVoucher(Refusal):
    """Cards were to be imported, and some have no code."""

    key = "invalid_voucher"
    message = "Invalid Voucher"

    def __init__(self, count: int) -> None:
        super().__init__(f"Found {count} voucher(s) without 'code' value")


class CannotBePublished(Refusal):
    """The customer is a member of the programme already (decision 11)."""

    key = "voucher_cannot_be_published"
    message = "Voucher cannot be published"

    def __init__(self, details: str = "Customer already joined program.") -> None:
        super().__init__(details)


class NoVoucherSuitable(Refusal):
    """A STATIC campaign has no unpublished, active card left (semantics 3)."""

    key = "no_voucher_suitable_for_publication"
    message = "Couldn't find any voucher suitable for publication"

    def __init__(self) -> None:
        super().__init__("Couldn't create new vouchers for publication")


class TooManyVouchers(Refusal):
    """A publication gives one loyalty card; more were asked for (decision 51)."""

    key = "too_many_vouchers_requested"
    message = "Too many vouchers requested"

    def __init__(self) -> None:
        super().__init__("Only up to 1 can be published")


class MissingVouchers(Refusal):
    """A publication says neither which campaign nor which card."""

    key = "missing_vouchers"
    message = "Missing vouchers"

    def __init__(self) -> None:
        super().__init__("Either Campaign or Voucher is required")


class MissingCustomer(Refusal):
    """A publication does not say to whom. The key is documented for validations (semantics 12)."""

    key = "missing_customer"
    message = "Missing customer"

    def __init__(self) -> None:
        super().__init__("Customer is required to publish a voucher")


class NotPublished(Refusal):
    """An unpublished card cannot earn, be adjusted or be transferred. The key is documented for referral codes (semantics 3)."""

    key = "not_published"
    message = "Voucher is not published"

    def __init__(self, details: str = "Voucher must be published to a customer first") -> None:
        super().__init__(details)


# Points.


class PointsExceeded(Refusal):
    """The card has fewer points than the command takes (decision 9). `details` is the code of the card, as documented."""

    key = "loyalty_card_points_exceeded"
    message = "loyalty card points exceeded"

    def __init__(self, code: str) -> None:
        super().__init__(code)


class InvalidAmount(Refusal):
    """An amount of points or money that this operation does not take, such as none at all."""

    key = "invalid_amount"
    message = "Invalid Amount"

    def __init__(self, details: str = "Amount has to be a valid positive number") -> None:
        super().__init__(details)


class InvalidExpirationDate(Refusal):
    """Points cannot expire on a day that is over."""

    key = "invalid_expiration_date"
    message = "Invalid Expiration Date"

    def __init__(self, details: str = "Expiration date cannot be set in the past") -> None:
        super().__init__(details)


class InvalidPendingPointsState(Refusal):
    """The entry is PENDING no longer. `wanted` is the deed: activated, canceled or updated."""

    key = "invalid_pending_points_state"
    message = "Invalid pending points state"

    def __init__(self, wanted: str, status: str) -> None:
        super().__init__(f"Only pending points in 'PENDING' status can be {wanted}. Current status: '{status}'.")


# The shape of a request, where only the business can tell.


class InvalidPayload(Refusal):
    """The parts of the request do not fit each other, or what is stored."""

    key = "invalid_payload"
    message = "Invalid payload"

    def __init__(self, details: str) -> None:
        super().__init__(details)


class InvalidExportFields(Refusal):
    """An export asks for a column that the object does not have (openapi: create-export)."""

    key = "invalid_export_fields"
    message = "Invalid Export"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"Unsupported field used. Allowed fields: {', '.join(allowed)}")


class MetadataValidationFailed(Refusal):
    """Metadata does not fit the schema of its resource. Each fault reads `key: must be a string (actual value is '5')`."""

    key = "metadata_validation_failed"
    message = "Metadata validation failed"

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))


class LimitExceeded(InvalidPayload):
    """A bound of decision 48 would be passed; clients see it as an invalid payload, since no key is documented for it."""


class MissingParam(Refusal):
    """A parameter that this case cannot do without is not there. Details read `Parameter 'parameters.loyalty' is required`."""

    key = "missing_param"
    message = "Missing required parameter"

    def __init__(self, details: str) -> None:
        super().__init__(details)


# The engine itself.


class ClockRefused(Refusal):
    """The test clock does not move: not a sandbox, or backwards, or before 2016-05-04. Ours (DESIGN 6)."""

    key = "test_clock_refused"
    message = "Test clock refused"

    def __init__(self, details: str) -> None:
        super().__init__(details)


class TryAgain(Refusal):
    """The command lost to others each time it was tried, or too many are waiting; it was not done. Ours (DESIGN 2)."""

    key = "try_again"
    message = "Try again"

    def __init__(self, details: str = "The request was not carried out; repeat it after a moment") -> None:
        super().__init__(details)


class OutcomeUnknown(Refusal):
    """The database went away while this was being committed: it was done or it was not. Ours; nothing of it can be half done."""

    key = "outcome_unknown"
    message = "Outcome unknown"

    def __init__(self) -> None:
        super().__init__("The database went away while this was written; repeat it with the same Idempotency-Key or source_id")


class LeaseLost(Refusal):
    """Another worker has taken over the job that this command belongs to. Ours; no client ever sees it (DESIGN 6)."""

    key = "lease_lost"
    message = "The lease was lost"


class NotImplementedYet(Refusal):
    """The API documents it and Tallybook does not do it. Ours."""

    key = "not_implemented"
    message = "Not implemented"

    def __init__(self, details: str) -> None:
        super().__init__(details)
