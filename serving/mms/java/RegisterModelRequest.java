package com.amazonaws.ml.mms.http.messages;

import com.amazonaws.ml.mms.http.BadRequestException;
import com.amazonaws.ml.mms.util.ConfigManager;
import com.amazonaws.ml.mms.util.NettyUtils;
import com.amazonaws.ml.mms.wlm.ModelManager;
import com.amazonaws.ml.mms.wlm.WorkLoadManager;
import com.amazonaws.ml.mms.wlm.WorkerState;
import com.amazonaws.ml.mms.wlm.WorkerThread;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.TypeAdapter;
import com.google.gson.annotations.JsonAdapter;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.JsonWriter;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * What a POST /models asks for: a name and a folder, and nothing else.
 *
 * <p>This class comes before the class of the same name in model-server.jar on Java's path; the jar stays as
 * published. Multi Model Server reads every field of such a request through it, and answers 400 with the text
 * of its BadRequestException. Without it, Multi Model Server unpacks any file on the disk that the url names
 * (members with ".." anywhere), stands still for a minute where the url names a device or a pipe, or where a
 * text cannot be an argument of a program, and runs the handler that the client names.
 *
 * <p>The compiled class lies beside this file, because a checkout needs no Java compiler; a test compares them.
 * Java 17 makes it: javac --release 8 -g:none -encoding UTF-8 -cp model-server.jar -d serving/java (this file)
 */
@JsonAdapter(RegisterModelRequest.Reader.class)
public class RegisterModelRequest {
    private static final int MOST_CHARACTERS = 4096;
    private static final int MOST_MILLISECONDS = 250;

    private final String modelName;
    private final String modelUrl;

    static {
        useEachThreadOnce();
    }

    public RegisterModelRequest(QueryStringDecoder decoder) {
        this(NettyUtils.getParameter(decoder, "model_name", null), NettyUtils.getParameter(decoder, "url", null));
    }

    RegisterModelRequest(String modelName, String modelUrl) {
        this.modelName = argument("model_name", modelName);
        this.modelUrl = folder(argument("url", modelUrl));
        if (modelName != null) {
            awaitLoad(modelName);
        }
    }

    public String getModelName() {
        return modelName;
    }

    /** The folder's path, which may name nothing at all: that is answered 404. */
    public String getModelUrl() {
        return modelUrl;
    }

    /** Null, for Python: the launcher is the only program there is. */
    public String getRuntime() {
        return null;
    }

    /** Null, for the handler in the configuration. */
    public String getHandler() {
        return null;
    }

    /** Null, for the choice in the configuration. */
    public String getPreloadModel() {
        return null;
    }

    public Integer getBatchSize() {
        return 1;
    }

    public Integer getMaxBatchDelay() {
        return 100;
    }

    public Integer getInitialWorkers() {
        return ConfigManager.getInstance().getConfiguredDefaultWorkersPerModel();
    }

    public Boolean isSynchronous() {
        return true;
    }

    /** Minus one, for the time in the configuration. */
    public Integer getResponseTimeoutSeconds() {
        return -1;
    }

    /** Returns a text that can be an argument of the launcher, unchanged. */
    private static String argument(String field, String text) {
        if (text == null) {
            return null;
        }
        String carried = new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        if (text.length() > MOST_CHARACTERS || text.indexOf('\0') >= 0 || !text.equals(carried)) {
            throw new BadRequestException(
                    field + " must be a text of at most " + MOST_CHARACTERS + " characters without NUL");
        }
        return text;
    }

    private static String folder(String url) {
        if (url == null) {
            return null;
        }
        File file = new File(url);
        boolean usable = !file.exists() || (file.isDirectory() && file.canExecute());
        if (!url.startsWith("/") || url.contains("..") || !usable) {
            throw new BadRequestException("url must be the path of a folder in the model store");
        }
        return url;
    }

    /**
     * Makes Multi Model Server start a new thread for each task. Where a launcher ends before its model is
     * unloaded, as that of a refused model does, Multi Model Server interrupts the thread that has waited for
     * it. From a pool, that thread could be at work for another model by then: its load stood still for a
     * minute, and with it every request to the server.
     */
    private static void useEachThreadOnce() {
        try {
            Object loads = valueOf(ModelManager.class, "wlm", ModelManager.getInstance());
            Object threads = valueOf(WorkLoadManager.class, "threadPool", loads);
            ((ThreadPoolExecutor) threads).setKeepAliveTime(0, TimeUnit.SECONDS);
        } catch (ReflectiveOperationException error) {
            throw new ExceptionInInitializerError(error);
        }
    }

    private static Object valueOf(Class<?> type, String name, Object object) throws ReflectiveOperationException {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(object);
    }

    /**
     * Waits a moment for a load of the same name. Multi Model Server answers a load that is refused before it
     * forgets the model, and answered 409 to a client that asked again at once.
     */
    private static void awaitLoad(String name) {
        ModelManager manager = ModelManager.getInstance();
        try {
            for (int i = 0; i < MOST_MILLISECONDS; i++) {
                List<WorkerThread> workers = manager.getWorkers(name);
                if (manager.getModels().containsKey(name) ? isLoaded(workers) : workers.isEmpty()) {
                    return;
                }
                Thread.sleep(1);
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static boolean isLoaded(List<WorkerThread> workers) {
        for (WorkerThread worker : workers) {
            if (worker.getState() != WorkerState.WORKER_MODEL_LOADED) {
                return false;
            }
        }
        return !workers.isEmpty();
    }

    /** Reads the request's JSON; what is not that is the client's mistake, not the server's. */
    public static final class Reader extends TypeAdapter<RegisterModelRequest> {
        @Override
        public RegisterModelRequest read(JsonReader reader) throws IOException {
            try {
                JsonElement content = JsonParser.parseReader(reader);
                if (content.isJsonObject() && reader.peek() == JsonToken.END_DOCUMENT) {
                    JsonObject fields = content.getAsJsonObject();
                    return new RegisterModelRequest(text(fields, "model_name"), text(fields, "url"));
                }
            } catch (JsonParseException | IOException error) {
                // answered below
            }
            throw new BadRequestException(
                    "the body must be JSON such as {\"model_name\": \"7\", \"url\": \"/opt/ml/models/7/model\"}");
        }

        @Override
        public void write(JsonWriter writer, RegisterModelRequest request) {
            throw new UnsupportedOperationException();
        }

        private static String text(JsonObject fields, String field) {
            JsonElement value = fields.get(field);
            if (value == null || value.isJsonNull()) {
                return null;
            }
            if (!value.isJsonPrimitive() || value.getAsJsonPrimitive().isBoolean()) {
                throw new BadRequestException(field + " must be a text");
            }
            return value.getAsString();
        }
    }
}
