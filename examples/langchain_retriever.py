"""A retriever whose documents come back pruned to the question, and an account of what was dropped.

    pip install 'ctxprune-middleware[langchain]'
    python examples/langchain_retriever.py

The retriever here finds every document, so that the example needs no vector store; put your own in its place.
"""

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from ctxprune.integrations.langchain import PruningCompressor, PruningRetriever

DOCUMENTS = [
    Document("The bridge is long. It opened in 1933. Toll was paid until 1960.", id="history"),
    Document("The park is open all year. Dogs are welcome.", id="visit"),
    Document("The bridge was painted in 2011. The work took two summers.", id="works"),
]


class EveryDocument(BaseRetriever):
    """Finds all documents, whatever is asked."""

    def _get_relevant_documents(self, query, *, run_manager):
        return DOCUMENTS


def main() -> None:
    """One question through the retriever, then the account."""
    question = "When did the bridge open?"
    compressor = PruningCompressor(budget=12)
    retriever = PruningRetriever(retriever=EveryDocument(), compressor=compressor)
    for document in retriever.invoke(question):
        print(f"{document.id}: {document.page_content}  {document.metadata['ctxprune_spans']}")
    for unit in compressor.explain(DOCUMENTS, question).pruned.dropped:
        print(f"dropped from {DOCUMENTS[unit.source].id} ({unit.reason}, {unit.score:.3f}): {unit.text}")


if __name__ == "__main__":
    main()
