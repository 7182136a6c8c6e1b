"""A pipeline that prunes what its retriever found.

pip install 'ctxprune-middleware[haystack]'
python examples/haystack_pipeline.py
"""

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from ctxprune.integrations.haystack import DocumentPruner


def main() -> None:
    """Retrieve, then prune."""
    store = InMemoryDocumentStore()
    store.write_documents(
        [
            Document(content="The bridge is long. It was painted red. The bridge did open in 1933."),
            Document(content="Cats sleep. Dogs bark."),
        ]
    )
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store))
    pipeline.add_component("pruner", DocumentPruner(budget=20))
    pipeline.connect("retriever", "pruner")
    question = "When did the bridge open?"
    found = pipeline.run({"retriever": {"query": question}, "pruner": {"query": question}})
    print([document.content for document in found["pruner"]["documents"]])


if __name__ == "__main__":
    main()
