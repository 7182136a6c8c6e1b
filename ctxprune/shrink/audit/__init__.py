"""The audit of shrunk models: what the mean hides. See `ctxprune.shrink.audit.audit`."""

from __future__ import annotations

from ctxprune.shrink.audit.audit import AuditedModel, audit
from ctxprune.shrink.audit.decoders import AuditedDecoder, audit_decoders
from ctxprune.shrink.audit.page import AuditReport, DecoderReport
from ctxprune.shrink.audit.questions import Question

__all__ = ["AuditReport", "AuditedDecoder", "AuditedModel", "DecoderReport", "Question", "audit", "audit_decoders"]
