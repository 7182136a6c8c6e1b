"""The audit of shrunk models: what the mean hides. See `ctxprune.shrink.audit.audit`."""

from __future__ import annotations

from ctxprune.shrink.audit.audit import AuditedModel, AuditReport, audit
from ctxprune.shrink.audit.decoders import AuditedDecoder, DecoderReport, audit_decoders
from ctxprune.shrink.audit.questions import Question

__all__ = ["AuditReport", "AuditedDecoder", "AuditedModel", "DecoderReport", "Question", "audit", "audit_decoders"]
