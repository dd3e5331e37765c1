# install.sh as one line of an ordinary Dockerfile, without a stage of its own.
ARG BASE=public.ecr.aws/lambda/python:3.13
FROM ${BASE}
COPY pyproject.toml README.md LICENSE install.sh /source/
COPY lambda_punch /source/lambda_punch
COPY extension /source/extension
RUN sh /source/install.sh
RUN python3 -m pip install --no-cache-dir --target /var/task /source
COPY examples/hello/app.py ./
CMD ["app.handler"]
