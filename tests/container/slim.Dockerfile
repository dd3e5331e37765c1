# An image without AWS's base: some Python, awslambdaric, and the command line of README.md's install section.
ARG BASE=python:3.13-slim
FROM ${BASE}
# a base laid out as AWS's becomes an ordinary one: nothing of Lambda's is left, only a Python on PATH
ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/var/lang/bin
RUN rm -rf /var/runtime /var/task /lambda-entrypoint.sh /usr/local/bin/aws-lambda-rie \
 && if [ "$(command -v python3)" != /var/lang/bin/python3 ]; then rm -rf /var/lang; fi
COPY pyproject.toml README.md LICENSE /source/
COPY lambda_punch /source/lambda_punch
COPY extension /source/extension
RUN python3 -m pip install --no-cache-dir awslambdaric /source \
 && lambda-punch install --python "$(command -v python3)"
WORKDIR /function
COPY examples/hello/app.py ./
ENTRYPOINT ["python3", "-m", "awslambdaric"]
CMD ["app.handler"]
