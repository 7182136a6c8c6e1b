# The service with its model inside: docs/operate/container.md. Nothing is downloaded when it runs.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY LICENSE README.md pyproject.toml ./
COPY ctxprune ctxprune
COPY rag rag
COPY sql sql
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
# Without pip inside, and from wheels alone: a compiler would not even be found.
RUN python -m venv --without-pip /opt/ctxprune \
    && wheel="$(echo /wheels/*.whl)" \
    && python -m pip --python /opt/ctxprune/bin/python install --no-cache-dir --only-binary :all: \
        "${wheel}[duckdb,html,jsonschema,mcp,mysql,postgres,redis,serve]"

FROM python:3.13-slim-trixie
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent ctxprune
COPY --from=build /opt/ctxprune /opt/ctxprune
COPY container/service.toml /etc/ctxprune/service.toml
# The root may be read-only; caches go where a tmpfs is expected.
ENV PATH=/opt/ctxprune/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache \
    XDG_CONFIG_HOME=/tmp/config
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["python", "-ISc", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["ctxprune"]
CMD ["serve", "--config", "/etc/ctxprune/service.toml"]
