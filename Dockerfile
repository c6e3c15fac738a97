# robustkd on CPUs. PyTorch on the package index brings its CUDA libraries along: several GB that this image does not use.
#     docker build -t robustkd .
#     docker run --rm -v "$PWD:/work" robustkd run experiments/quickstart.yaml
FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl \
    && useradd --create-home --uid 1000 robustkd
ENV PYTHONUNBUFFERED=1 CUDA_VISIBLE_DEVICES=""
USER robustkd
WORKDIR /work
ENTRYPOINT ["robustkd"]
CMD ["--help"]
